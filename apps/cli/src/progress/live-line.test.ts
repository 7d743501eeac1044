import { expect, test, vi } from 'vitest'
import { LiveLine, progressText } from './live-line.ts'
import { Meter } from './rate.ts'

function terminal(liveWidth?: number) {
  let text = ''
  const err = (chunk: string) => {
    text += chunk
  }
  return { liveWidth, err, text: () => text }
}
const report = (phase: string, done: number, total?: number) => ({
  phase,
  done,
  unit: 'bytes' as const,
  ...(total === undefined ? {} : { total }),
})

test('rate and time left come from the last ten seconds, not from the beginning', () => {
  const meter = new Meter()
  expect(meter.note(report('dump', 0, 1000), 0)).toEqual({})
  meter.note(report('dump', 100, 1000), 5_000)
  meter.note(report('dump', 100, 1000), 15_000)
  expect(meter.note(report('dump', 400, 1000), 20_000)).toEqual({ perSecond: 60, etaMs: 10_000 })
})

test('a new phase, or a beginning from the start, is measured anew', () => {
  const meter = new Meter()
  meter.note(report('dump', 500), 0)
  expect(meter.note(report('store', 500), 1000)).toEqual({})
  expect(meter.note(report('store', 100), 2000)).toEqual({})
})

test('without a total there is a rate but no time left, and standing still promises nothing', () => {
  const meter = new Meter()
  meter.note(report('dump', 0), 0)
  expect(meter.note(report('dump', 100), 1000)).toEqual({ perSecond: 100 })
  const stuck = new Meter()
  stuck.note(report('dump', 10, 100), 0)
  expect(stuck.note(report('dump', 10, 100), 1000)).toEqual({ perSecond: 0 })
})

test('a line tells phase, share, rate and time left', () => {
  expect(progressText(report('dump', 500_000_000, 1_200_000_000), { perSecond: 35_000_000, etaMs: 20_000 })).toBe(
    'dump  41 % of 1.2 GB, 35.0 MB/s, 20 s left',
  )
  expect(progressText({ phase: 'check', done: 3, unit: 'checks' }, {})).toBe('check  3 checks')
  expect(progressText({ phase: 'swap', done: 0, unit: 'checks' }, {})).toBe('swap')
})

test('on a terminal one line is redrawn, no wider than the terminal, and gone at the end', () => {
  const term = terminal(20)
  {
    using line = new LiveLine(term, { silent: false })
    line.progress(report('dump', 500_000_000, 1_200_000_000), 0)
    line.progress(report('dump', 600_000_000, 1_200_000_000), 100)
    expect(term.text()).not.toContain('\n')
    for (const drawn of term.text().split('\r\u001b[2K')) expect(drawn.length).toBeLessThan(20)
  }
  expect(term.text().endsWith('\r\u001b[2K')).toBe(true)
})

test('elsewhere a line comes when the phase changes and every ten seconds, without control characters', () => {
  const term = terminal()
  using line = new LiveLine(term, { silent: false })
  for (const at of [0, 1000, 9000, 10_000]) line.progress(report('dump', at), at)
  line.progress(report('store', 1), 10_100)
  expect(
    term
      .text()
      .split('\n')
      .map((text) => text.split(' ')[0]),
  ).toEqual(['dump', 'dump', 'store', ''])
  for (const control of ['\u001b', '\r']) expect(term.text()).not.toContain(control)
})

test('of several runs each line says whose it is, and each is measured and told as if it were alone', () => {
  const term = terminal()
  using line = new LiveLine(term, { silent: false })
  const [dump, files] = [line.of('weekly-dump of records'), line.of('weekly-code of app')]
  for (const at of [0, 5_000, 10_000]) {
    dump.progress(report('dump', at * 100, 2_000_000), at)
    files.progress(report('files', at * 10), at)
  }
  dump.say('stored at aws')
  expect(term.text().split('\n')).toEqual([
    'weekly-dump of records: dump  0 % of 2.0 MB',
    'weekly-code of app: files',
    'weekly-dump of records: dump  50 % of 2.0 MB, 100 kB/s, 10 s left',
    expect.stringMatching(/^weekly-code of app: files {2}.*\/s$/),
    'weekly-dump of records: stored at aws',
    '',
  ])
})

test('with --json nothing is told on the way', () => {
  const term = terminal(80)
  using line = new LiveLine(term, { silent: true })
  line.progress(report('dump', 1), 0)
  line.say('stored at aws')
  expect(term.text()).toBe('')
})

test('a silence is told where to look after five seconds, then once a minute, and never after the end', () => {
  vi.useFakeTimers()
  const term = terminal()
  const told = () =>
    term
      .text()
      .split('\n')
      .filter((line) => line === 'nothing is heard').length
  {
    using line = new LiveLine(term, { silent: false })
    using _quiet = line.whenQuiet('nothing is heard')
    vi.advanceTimersByTime(4_000)
    line.progress(report('dump', 1), 0)
    vi.advanceTimersByTime(4_000)
    expect(told()).toBe(0)
    vi.advanceTimersByTime(1_000)
    expect(told()).toBe(1)
    vi.advanceTimersByTime(59_000)
    expect(told()).toBe(1)
    vi.advanceTimersByTime(1_000)
    expect(told()).toBe(2)
    line.say('stored at aws')
    vi.advanceTimersByTime(5_000)
    expect(told()).toBe(3)
  }
  vi.advanceTimersByTime(600_000)
  expect(told()).toBe(3)
  vi.useRealTimers()
})
