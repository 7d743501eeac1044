#!/bin/sh
# The first argument chooses the program: scheduler, backup-agent, uploader, verifier, alerter or cli. Anything else is run as it is.
set -eu
program=/lifeboat/apps/${1:-cli}/src/main.ts
[ -f "$program" ] || exec "$@"
shift
exec node "$program" "$@"
