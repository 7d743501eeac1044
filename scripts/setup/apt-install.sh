#!/bin/sh
# Installs Debian packages (as arguments) for their programs only: no server of theirs is started, now or at the next boot.
#
# Debian's `postgresql` and `nats-server` start and enable a service when they are installed, and `postgresql` creates a cluster.
# Lifeboat starts servers of its own on free ports and must not leave others behind, so during the install
# - a policy-rc.d answers "forbidden" (101) to every start a package asks for (one that is there already is left as it is),
# - postgresql-common is told to create no cluster,
# and afterwards the units that were not there before are disabled. Services that were running or enabled before are not touched.
set -eu

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/lifeboat-setup.conf
units="postgresql.service nats-server.service"
own_policy=

knows() { command -v systemctl >/dev/null 2>&1 && systemctl list-unit-files "$1" 2>/dev/null | grep -q "^$1"; }
known_before=
for unit in $units; do if knows "$unit"; then known_before="$known_before $unit"; fi; done

clean() {
  [ -z "$own_policy" ] || rm -f "$policy"
  rm -f "$cluster"
}
trap clean EXIT
trap 'exit 130' INT TERM

if [ ! -e "$policy" ]; then
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
mkdir -p "$(dirname "$cluster")"
echo 'create_main_cluster = false' >"$cluster"

export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 -q update
apt-get -o DPkg::Lock::Timeout=300 -q install -y --no-install-recommends "$@"

for unit in $units; do
  case " $known_before " in *" $unit "*) continue ;; esac
  if knows "$unit"; then systemctl disable --quiet "$unit" || true; fi
done
