# cyrus.sh: sourced by server.sh; Cyrus IMAP 3.6, unpacked by install.sh, not installed.
# UNIXSEP=no|yes  separator "." (default) or "/"     ALTNS=no|yes  prefix "INBOX" + separator (default), or none
# EXTRA           more lines for imapd.conf, for example "munge8bit: yes"
# An INBOX is made at the first login. Works as root (drops to nobody) and as a plain user.
start() {
  root=$cache/cyrus bin=$cache/cyrus/usr/lib/cyrus/bin
  [ -e "$root/.complete" ] || { echo "Cyrus is not there: run $here/install.sh"; return 1; }
  LD_LIBRARY_PATH=$root/usr/lib/$triplet; export LD_LIBRARY_PATH
  for d in db socket proc lock log msg; do mkdir -p "$dir/conf/$d"; done
  mkdir -p "$dir/spool/stage." "$dir/sieve"
  [ "$(id -u)" = 0 ] && me=nobody || me=$(id -un)
  # The realm of an entry must be what imapd looks up: servername, below.
  i=0
  while [ $i -lt "$users" ]; do
    i=$((i + 1)); printf pass | "$root/usr/sbin/saslpasswd2" -p -c -f "$dir/sasldb2" -u localhost "u$i"
  done
  cat > "$dir/imapd.conf" <<CONF
configdirectory: $dir/conf
defaultpartition: default
partition-default: $dir/spool
sievedir: $dir/sieve
cyrus_user: $me
servername: localhost
unixhierarchysep: ${UNIXSEP:-no}
altnamespace: ${ALTNS:-no}
virtdomains: off
allowplaintext: yes
autocreate_quota: 0
autocreate_post: no
conversations: no
search_engine: none
reject8bit: no
$(case ${EXTRA:-} in *munge8bit*) ;; *) echo 'munge8bit: no' ;; esac)
failedloginpause: 0
skiplist_unsafe: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $dir/sasldb2
sasl_mech_list: PLAIN LOGIN
tls_server_cert: $dir/tls.crt
tls_server_key: $dir/tls.key
syslog_prefix: imapsync-test
${EXTRA:-}
CONF
  cat > "$dir/cyrus.conf" <<CONF
START {
  recover cmd="$bin/ctl_cyrusdb -C $dir/imapd.conf -r"
}
SERVICES {
  imap cmd="$bin/imapd -C $dir/imapd.conf -U 30" listen="127.0.0.1:$port" proto="tcp4" prefork=1
  imaps cmd="$bin/imapd -C $dir/imapd.conf -s -U 30" listen="127.0.0.1:$tls" proto="tcp4" prefork=0
}
EVENTS {
  checkpoint cmd="$bin/ctl_cyrusdb -C $dir/imapd.conf -c" period=60
}
CONF
  [ "$(id -u)" != 0 ] || chown -R "$me" "$dir/conf" "$dir/spool" "$dir/sieve" "$dir/sasldb2"
  "$bin/master" -C "$dir/imapd.conf" -M "$dir/cyrus.conf" -p "$dir/master.pid" -d
}
stop() { stop_pid "$dir/master.pid"; }
