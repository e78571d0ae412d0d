#!/bin/sh
# Installs a package into a clean Debian, uses it, purges it, and compares what is left with what was.
# usage: test.sh PACKAGE.deb [BASE]   BASE is a folder for the clean Debian, kept for the next time
set -eu
deb=$1
base=${2:-out/debian-box}
"$(dirname "$0")/debian.sh" "$base"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cp -a "$base/." "$root"
cp "$deb" "$root/tmp/secateur.deb"
inside() { LC_ALL=C chroot "$root" "$@"; }
# Every file with mode, owner, size and, for those of /etc, content; but for logs, caches and dpkg's own records.
listing() {
	(cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o -path ./tmp -o -path ./proc \
		-o -name 'passwd-' -o -name 'shadow-' -o -name 'group-' -o -name 'gshadow-' -o -name '.pwd.lock' \) -prune -o \
		! -type d -printf '%p %M %u %g %s\n' -o -type d -printf '%p %M %u %g\n' | sort
		find etc -type f ! -name '*-' ! -name '.pwd.lock' | sort | xargs md5sum)
}
say() { echo "test-deb: $*"; }

listing >"$root/tmp/before"
inside dpkg -i /tmp/secateur.deb >/dev/null
say "installed: $(inside secateur --version)"
inside getent passwd secateur secateur-ssh | cut -d: -f1,6,7
for f in /usr/lib/systemd/system/secateur-run.service /usr/share/man/man1/secateur.1.gz /usr/share/bash-completion/completions/secateur; do
	[ -e "$root$f" ] || inside ls -l "$f" # the manual may be excluded by dpkg's configuration; then this says so
done
mkdir -p "$root/etc/secateur"
printf '[box]\nname = "test"\n' >"$root/etc/secateur/config.toml"
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"; rm -rf "$root"' EXIT
inside secateur configure apply --quiet --board raspberrypi-5 | sed 's/^/  /' | tail -3
inside secateur configure check --board raspberrypi-5
inside systemd-sysusers
inside systemd-analyze verify --man=no --recursive-errors=one /etc/systemd/system/secateur-run.service /etc/systemd/system/secateur-train.service /etc/systemd/system/secateur-train.path
say "configured and checked"
inside dpkg --purge secateur >/dev/null
inside rm /run/systemd/systemd-units-load # left by systemd-analyze, and not by the package
inside groupdel gpio # made by configure for the box, and not by the package
umount "$root/proc"
trap 'rm -rf "$root"' EXIT
listing >"$root/tmp/after"
if ! diff "$root/tmp/before" "$root/tmp/after"; then
	say "purge left something behind"
	exit 1
fi
say "purge left nothing"
