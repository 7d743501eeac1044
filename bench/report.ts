/** What a benchmark found, ready to be shown. */
export interface BenchReport {
  /** One line: what was compared, on which data. */
  title: string
  tables: BenchTable[]
  /** What the tables come to; `limit` is the promise, where there is one. */
  ratios: { what: string; ratio: number; limit?: number }[]
  /** Anything a reader must know to believe the numbers. */
  notes?: string[]
}

export interface BenchTable {
  title?: string
  columns: string[]
  rows: (string | number)[][]
}

/** Middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2
}

/** The report as Markdown that also reads well in a terminal. */
export function markdownReport(command: string, machine: string, report: BenchReport): string {
  const tables = report.tables.flatMap((table) => [
    ...(table.title ? [`**${table.title}**`, ''] : []),
    ...tableLines(table),
    '',
  ])
  const ratios = report.ratios.map(ratioLine)
  const notes = (report.notes ?? []).map((note) => `- ${note}`)
  const blocks = [
    `\`${command}\` on ${machine}.`,
    '',
    report.title,
    '',
    ...tables,
    ...ratios,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ]
  return blocks.join('\n').trimEnd()
}

function ratioLine({ what, ratio, limit }: BenchReport['ratios'][number]): string {
  const verdict =
    limit === undefined ? '' : ratio <= limit ? ` (at most ${limit}: held)` : ` (at most ${limit}: **missed**)`
  return `- ${what}: **${ratio < 0.01 ? ratio.toPrecision(1) : ratio.toFixed(2)} ×**${verdict}`
}

function tableLines({ columns, rows }: BenchTable): string[] {
  const cells = [columns, ...rows.map((row) => row.map(String))]
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  const [head = [], ...body] = cells
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)]
}

const HEAD = '# Benchmarks\n\nEach section is the output of one command, everything in it measured in the same run.\n'

/** The document with the section of this name replaced, or added at its end. */
export function replaceSection(document: string, name: string, text: string): string {
  const sections = (document === '' ? HEAD : document).split(/^(?=## )/m).map((section) => section.trimEnd())
  const heading = `## ${name}\n`
  const fresh = `${heading}\n${text}`
  const at = sections.findIndex((section) => `${section}\n`.startsWith(heading))
  const all = at < 0 ? [...sections, fresh] : sections.with(at, fresh)
  return `${all.join('\n\n')}\n`
}
