import type { StageReceipt } from '../tools/stage.ts'

/**
 * Names the stage that broke a pipeline, given how all of them ended, in pipeline order.
 *
 * A stage whose reader hung up (SIGPIPE) is a victim: the last of these points at its reader. Otherwise the first that failed is to blame,
 * because the ones after it only saw their input end too early.
 */
export function culpritOf(receipts: readonly StageReceipt[]): StageReceipt | undefined {
  const hungUpOn = receipts.findLastIndex(lostItsReader)
  // The last stage writes to us; when it lost its reader, it is the sink that ended early.
  if (hungUpOn === receipts.length - 1) return receipts[hungUpOn]
  if (hungUpOn >= 0) return receipts[hungUpOn + 1]
  return receipts.find(failed)
}

export function failed(receipt: StageReceipt): boolean {
  return receipt.exitCode !== 0 && !receipt.tolerated
}

/** SIGPIPE: whoever read from it went away. */
export function lostItsReader(receipt: StageReceipt): boolean {
  return receipt.signal === 'SIGPIPE' || receipt.exitCode === 141
}
