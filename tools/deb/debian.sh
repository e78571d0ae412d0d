#!/bin/sh
# Makes a clean Debian in a folder, with what a box has before we come: systemd, sshd, and the Python that Ansible wants. One
# that is whole is taken as it is.
# usage: debian.sh FOLDER
set -eu
base=$1
[ -e "$base/.whole" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "a clean Debian wants root, for debootstrap and chroot"; exit 2; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap"; exit 2; }
rm -rf "$base"
mkdir -p "$(dirname "$base")"
debootstrap --variant=minbase --include=systemd,openssh-server,python3,python3-apt bookworm "$base" >"$base.log" 2>&1 || { tail -3 "$base.log"; exit 1; }
touch "$base/.whole"
