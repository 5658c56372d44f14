#!/bin/sh
# Lays out the file system of the image: the program, every library that it loads, and the few files that the C library and TLS look for.
# usage: image-root.sh PROGRAM FOLDER      in the project's root
set -eu
program=$1
root=$2

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/etc/anabranch"
cp "$program" "$root/usr/local/bin/anabranch"

# ldd prints "name => path (address)", and the loader as a path alone.
ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -R config "$root/etc/anabranch/config"
echo 'anabranch:x:10001:10001::/:/none' > "$root/etc/passwd"
echo 'anabranch:x:10001:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
