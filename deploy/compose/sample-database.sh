#!/bin/sh
# The sample PostgreSQL: a cluster in /var/lib/lifeboat/sample with one database, its owner, and a role that may read everything and
# nothing else, which is all a backup needs.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/lifeboat/sample/data
if [ ! -e "$data/PG_VERSION" ]; then
  rm -rf "$data.partial"
  "$bin/initdb" --pgdata "$data.partial" --username postgres --encoding UTF8 --locale C.UTF-8 \
    --auth-local trust --auth-host scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >>"$data.partial/pg_hba.conf"
  "$bin/pg_ctl" --pgdata "$data.partial" --options "-c listen_addresses= -k /tmp" --wait start >/dev/null
  "$bin/psql" --host /tmp --username postgres --quiet --set ON_ERROR_STOP=1 \
    --set backup_password="$(cat /secrets/sample/password)" --file /lifeboat/deploy/compose/sample-database.sql
  "$bin/pg_ctl" --pgdata "$data.partial" --wait stop >/dev/null
  mv "$data.partial" "$data"
  echo 'sample-database: made'
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -k /tmp
