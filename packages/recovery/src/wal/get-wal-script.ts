/** The script's own word for "there is no such file"; every other failure of a shell, a full disk or a dead process is another number. */
const ABSENT = 77
/** PostgreSQL ends recovery at 1 to 125, and stops with an error from 126 on. */
const BROKEN = 200
/** Turns of 20 ms and a little more without a sign of life. */
const PATIENCE_TURNS = 1500

/**
 * Waits for one file of WAL that another process fetches, checks and puts there.
 *
 * Arguments: the name, and where it is to go. It asks by making a file in `want` (again every second) and looks for the answer in `ready`,
 * `absent` and `failed`; `beat` changes every second while somebody is there to answer.
 */
export function getWalScript(patienceTurns = PATIENCE_TURNS): string {
  return `#!/bin/sh
d=\${0%/*}
beat=
still=0
turn=0
while :; do
  if [ $((turn % 50)) = 0 ]; then : > "$d/want/$1"; fi
  turn=$((turn + 1))
  if [ -e "$d/ready/$1" ]; then mv -f "$d/ready/$1" "$2" && exit 0; exit ${BROKEN}; fi
  if [ -e "$d/absent/$1" ]; then exit ${ABSENT}; fi
  if [ -e "$d/failed/$1" ] || [ -e "$d/stopped" ]; then exit ${BROKEN}; fi
  now=
  read -r now < "$d/beat"
  if [ "$now" = "$beat" ]; then still=$((still + 1)); else beat=$now; still=0; fi
  if [ "$still" -gt ${patienceTurns} ]; then exit ${BROKEN}; fi
  sleep 0.02
done
`
}

/**
 * What goes into restore_command. The shell itself may fail with a small number (2 when the script is gone), which PostgreSQL would take for the
 * end of the archive; only the script's own word becomes 1.
 */
export function restoreCommand(script: string): string {
  const quoted = `'${script.replaceAll("'", String.raw`'\''`).replaceAll('%', '%%')}'`
  return `sh ${quoted} "%f" "%p"; r=$?; [ $r = ${ABSENT} ] && exit 1; [ $r = 0 ] || exit ${BROKEN}`
}
