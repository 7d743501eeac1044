import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Makes sure that a child does not outlive this process, whatever ends it, and removes its folder then.
 *
 * A shell waits for the end of a pipe only we hold open; when the child ends first, the shell is sent away.
 */
export function dieWithUs(child: ChildProcess, folder?: string): void {
  const script = 'cat >/dev/null; kill -KILL "$1" 2>/dev/null; [ -z "$2" ] || { sleep 0.2; rm -rf "$2"; }'
  const args = ['-c', script, 'sh', String(child.pid), folder ?? '']
  const dog = spawn('sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  dog.unref()
  child.once('exit', () => dog.kill())
}
