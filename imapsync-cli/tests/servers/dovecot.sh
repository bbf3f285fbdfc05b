# dovecot.sh: sourced by server.sh; Dovecot 2.3.
# LAYOUT=maildir  Maildir++, separator ".", no prefix (default)
#        inbox    Maildir++, separator ".", prefix "INBOX."
#        sdbox    sdbox, separator "/", no prefix
# LIMITS=yes      users q1..q9 may store 100 KiB each, no message may exceed 64 KiB, and the folder "Locked" is
#                 read-only for everyone
# TLS=no          no STARTTLS and no TLS port
# EXTRA           more lines for dovecot.conf
start() {
  # %u is the user's name, expanded by Dovecot.
  case ${LAYOUT:-maildir} in
    maildir) location="maildir:$dir/mail/%u/Maildir" separator=. prefix= ;;
    inbox) location="maildir:$dir/mail/%u/Maildir" separator=. prefix=INBOX. ;;
    sdbox) location="sdbox:$dir/mail/%u/sdbox" separator=/ prefix= ;;
    *) echo "LAYOUT=$LAYOUT?"; return 2 ;;
  esac
  mkdir -p "$dir/run" "$dir/mail" "$dir/home"
  if [ "$(id -u)" = 0 ]; then
    uid=65534 gid=65534 chroot=login internal=dovecot login=dovenull group=dovecot
    chown 65534:65534 "$dir/mail" "$dir/home"
  else                    # a plain user: everything runs as that user, nothing is chrooted
    uid=$(id -u) gid=$(id -g) chroot='' internal=$(id -un) login=$(id -un) group=$(id -gn)
  fi
  i=0
  while [ $i -lt "$users" ]; do
    i=$((i + 1)); echo "u$i:{PLAIN}pass:$uid:$gid::$dir/home/u$i::"
  done > "$dir/users"
  limits=
  if [ "${LIMITS:-no}" = yes ]; then
    for i in 1 2 3 4 5 6 7 8 9; do
      echo "q$i:{PLAIN}pass:$uid:$gid::$dir/home/q$i::userdb_quota_rule=*:bytes=102400"
    done >> "$dir/users"
    echo 'Locked owner lr' > "$dir/acl"
    limits="mail_plugins = quota acl
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:bytes=0
  quota_max_mail_size = 64k
  acl = vfile:$dir/acl
}"
  fi
  cat > "$dir/dovecot.conf" <<CONF
protocols = imap
listen = 127.0.0.1
base_dir = $dir/run
state_dir = $dir/run
instance_name = imapsync-test-$port
log_path = $dir/dovecot.log
default_internal_user = $internal
default_internal_group = $group
default_login_user = $login
default_vsz_limit = 4G
default_process_limit = 1024
default_client_limit = 8192
first_valid_uid = 1
ssl = $([ "${TLS:-yes}" = no ] && echo no || echo yes)
ssl_cert = <$dir/tls.crt
ssl_key = <$dir/tls.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = $location
mail_fsync = never
mail_max_userip_connections = 1000
mailbox_list_index = yes
${EXTRA:-}
$limits
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
}
namespace inbox {
  inbox = yes
  separator = $separator
  prefix = $prefix
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Trash {
    special_use = \Trash
  }
}
service imap-login {
  chroot = $chroot
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = $([ "${TLS:-yes}" = no ] && echo 0 || echo "$tls")
    ssl = yes
  }
}
service anvil {
  chroot =
  # Failed logins of one test must not slow down those of another.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
CONF
  PATH=$PATH:/usr/sbin dovecot -c "$dir/dovecot.conf"
}
stop() { stop_pid "$dir/run/master.pid"; }
