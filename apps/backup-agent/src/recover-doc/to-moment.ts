import type { PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { WAL_DIGEST_DIGITS, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import type { ServerRecoverFacts } from '../recover-doc.ts'

const DIGEST = '?'.repeat(WAL_DIGEST_DIGITS)
const PIECE = `${'?'.repeat(8)}-${'?'.repeat(8)}`

/** The WAL behind the backup, replayed up to a moment: what the archive's names say, as a restore_command of a few lines. */
export function recoverToMoment(
  { sourceId }: Pick<ServerRecoverFacts, 'sourceId'>,
  { endLsn, segmentBytes }: PhysicalFacts,
): string {
  return `## Or to a later moment, instead of step 5

Where WAL was kept, it lies at each target under \`${walPrefix(sourceId)}\`. Copy that folder (\`aws s3 sync\`, \`gcloud storage rsync\`, \`az storage blob download-batch\`), what is older than this backup may be
left out, and say where it is and which moment you want, behind ${endLsn}; a time has its offset:

\`\`\`text
export WAL=/path/to/wal MOMENT='2026-09-26 13:59:00+02'
\`\`\`

PostgreSQL asks a command for each file. This one puts a segment that was never whole together out of its pieces, compares everything with the digest in its name, and ends
the recovery where that does not fit:

\`\`\`sh moment
cat > "$PGDATA.get-wal" <<'COMMAND'
#!/bin/sh
wanted=$1 to=$2
stop() {
  echo "$wanted: $1" >&2
  exit 255
}
plain() {
  age -d -i "$IDENTITY" "$1" | zstd -d > "$2" || stop "$1 cannot be read"
  digest=\${1%.zst.age}
  case $(sha256sum < "$2") in
    "\${digest##*.}"*) ;;
    *) stop "$1 is not what it was" ;;
  esac
}
place="$WAL/$(printf %.8s "$wanted")/$wanted"
[ -d "$WAL" ] || stop "there is no folder $WAL"
set -- "$place".${DIGEST}.zst.age
[ $# -eq 1 ] || stop "there are several; keep the one of this cluster's history: $*"
if [ -e "$1" ]; then
  plain "$1" "$to.part"
  exec mv "$to.part" "$to"
fi
end=0
: > "$to.part"
for piece in "$place".${PIECE}.${DIGEST}.zst.age; do
  [ -e "$piece" ] || break
  range=\${piece#"$place".}
  range=\${range%%.*}
  [ $((0x\${range%-*})) -le "$end" ] || break
  plain "$piece" "$to.piece"
  dd if="$to.piece" of="$to.part" seek=$((0x\${range%-*})) oflag=seek_bytes conv=notrunc status=none
  [ $((0x\${range#*-})) -le "$end" ] || end=$((0x\${range#*-}))
done
rm -f "$to.piece"
[ "$end" -gt 0 ] || exit 1
truncate --size=${segmentBytes} "$to.part"
exec mv "$to.part" "$to"
COMMAND
chmod 700 "$PGDATA.get-wal"
cat >> "$PGDATA/postgresql.auto.conf" <<SETTINGS
restore_command = '"$PGDATA.get-wal" "%f" "%p"'
recovery_target_time = '$MOMENT'
recovery_target_action = 'pause'
SETTINGS
touch "$PGDATA/recovery.signal"
pg_ctl start --wait --timeout=86400 --pgdata="$PGDATA" --log="$PGDATA.log" -o "-p $PGPORT -k $PGDATA -c archive_mode=off -c synchronous_standby_names="
\`\`\`

It stands still at the moment and can be looked at. \`select pg_get_wal_replay_pause_state()\` says \`paused\` then; \`select pg_wal_replay_resume()\` makes it a server of its own, on a new timeline.
Where the log in \`$PGDATA.log\` says that recovery ended before the target was reached, the WAL does not lead there.
`
}
