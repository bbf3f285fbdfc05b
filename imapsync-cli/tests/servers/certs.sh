#!/bin/sh
# certs.sh DIR WHICH: writes DIR/ca.crt (a private CA) and DIR/tls.crt, DIR/tls.key, DIR/tls.pem (both in one):
#   good        signed by it for localhost, 127.0.0.1, ::1      expired    the same, its time ended in 2021
#   selfsigned  signed by itself                                wrongname  signed by it for mail.example.org only
# Kept if there.
set -eu
mkdir -p "$1"; cd "$1"; which=${2:-good}
[ -s tls.pem ] && exit 0
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
here_names=DNS:localhost,IP:127.0.0.1,IP:::1
# shellcheck disable=SC2086
openssl req -x509 $key -days 3650 -subj '/CN=imapsync test CA' -addext 'basicConstraints=critical,CA:TRUE' \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout ca.key -out ca.crt 2>/dev/null
sign() { # sign NAMES START END
  cat > ca.cnf <<CNF
[ca]
default_ca = own
[own]
database = ca.index
serial = ca.serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $1
CNF
  : > ca.index; echo 01 > ca.serial
  # shellcheck disable=SC2086
  openssl req -new $key -subj /CN=imap -keyout tls.key -out tls.csr 2>/dev/null
  openssl ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key -startdate "$2" -enddate "$3" \
    -in tls.csr -out tls.crt 2>/dev/null
}
case $which in
  good) sign "$here_names" 20200101000000Z 20491231000000Z ;;
  expired) sign "$here_names" 20200101000000Z 20210101000000Z ;;
  wrongname) sign DNS:mail.example.org 20200101000000Z 20491231000000Z ;;
  selfsigned)
    # shellcheck disable=SC2086
    openssl req -x509 $key -days 3650 -subj /CN=localhost -addext "subjectAltName=$here_names" \
      -keyout tls.key -out tls.crt 2>/dev/null ;;
  *) echo "certs.sh: $which?" >&2; exit 64 ;;
esac
cat tls.crt tls.key > tls.pem
chmod 644 tls.crt tls.key tls.pem     # throwaway: readable by whatever user the server drops to
