import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * What is mounted at a place or below it: neither can be renamed without taking it along.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html – the fifth field; spaces and the like as octal escapes
 */
export async function mountsAt(place: string): Promise<string[]> {
  const above = await realpath(dirname(place)).catch(() => dirname(place))
  const path = join(above, basename(place))
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter(Boolean)
  const points = lines.map((line) => unescaped(line.split(' ')[4] ?? ''))
  return points.filter((point) => point === path || point.startsWith(`${path}/`))
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
