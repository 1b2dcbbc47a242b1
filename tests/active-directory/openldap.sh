#!/usr/bin/env bash
# An OpenLDAP server that has the attributes of Active Directory that are read, for tests that nothing depends on one
# vendor's ways. It is a process of its own on loopback, with its data in DIR; the system's own server is not touched.
#
#   openldap.sh install      install slapd and the LDAP tools (Debian), without starting the system's server
#   openldap.sh start DIR    start it on free ports, without rights of root
#   openldap.sh env DIR      print where it is: LDAP_FQDN, LDAP_LDAPS_PORT, LDAP_PORT, LDAP_PLAIN_PORT, LDAP_CA, ...
#   openldap.sh stop DIR     stop it
set -euo pipefail

me=$(basename "$0")
here=$(cd "$(dirname "$0")" && pwd)
domain=corp.example.com
base=DC=corp,DC=example,DC=com
host=ldap1.$domain
password=Manager-Passw0rd1

die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }

install() {
    [ "$(id -u)" -eq 0 ] || die "install needs root"
    local deny=
    # Debian starts the service when it is installed; this says no, as containers do.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        deny=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$deny"
        chmod 755 "$deny"
    fi
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install slapd ldap-utils openssl >/dev/null ||
        { rm -f "$deny"; die "slapd could not be installed"; }
    rm -f "$deny"
}

free_ports() {
    python3 - <<'PORTS'
import socket
sockets = [socket.socket() for _ in range(3)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*[each.getsockname()[1] for each in sockets])
PORTS
}

certificates() {
    local dir=$1
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/ca.key"
    openssl req -x509 -new -key "$dir/ca.key" -sha256 -days 2 -subj "/CN=Authority of $me" -out "$dir/ca.pem"
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/server.key"
    openssl req -new -key "$dir/server.key" -subj "/CN=$host" -out "$dir/server.csr"
    printf 'subjectAltName = DNS:%s, DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n' "$host" >"$dir/server.ext"
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -sha256 -days 2 \
        -extfile "$dir/server.ext" -out "$dir/server.pem"
}

configuration() {
    local dir=$1
    cat <<EOF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include $here/openldap.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $dir/pid
rootDSE $dir/root.ldif
TLSCACertificateFile $dir/ca.pem
TLSCertificateFile $dir/server.pem
TLSCertificateKeyFile $dir/server.key
# Whoever does not ask page by page is cut off, as with Windows; nobody reads without a name.
sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited
require authc
database mdb
suffix "$base"
rootdn "CN=Manager,$base"
rootpw $password
directory $dir/data
index objectClass,sAMAccountName,objectGUID eq
dbnosync
# The administrator of a database has no limits; the reader of directories has those above.
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
EOF
}

content() {
    cat <<EOF
dn: $base
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: CN=svc-idp,$base
objectClass: user
cn: svc-idp
sAMAccountName: svc-idp
objectGUID: 0123456789abcdef
userPassword: Svc-Bind-Passw0rd1

# Somebody else's part: searches of the whole answer with a reference to it as well.
dn: CN=Elsewhere,$base
objectClass: referral
objectClass: extensibleObject
cn: Elsewhere
ref: ldap://elsewhere.example.net/CN=Elsewhere,$base
EOF
}

start() {
    local dir=$1 programs=/usr/sbin ldap ldaps plain run_as=()
    command -v slapd >/dev/null || [ -x $programs/slapd ] || die "slapd is missing: $me install"
    mkdir -p "$dir/data"
    dir=$(cd "$dir" && pwd)
    read -r ldap ldaps plain <<<"$(free_ports)"
    certificates "$dir" 2>"$dir/openssl.log" || { cat "$dir/openssl.log" >&2; die "no certificates"; }
    configuration "$dir" >"$dir/slapd.conf"
    # A server without certificates: it can do nothing but plain LDAP.
    grep -v '^TLS' "$dir/slapd.conf" | sed "s|$dir/data|$dir/plain|; s|$dir/pid|$dir/plain.pid|" >"$dir/plain.conf"
    mkdir -p "$dir/plain"
    printf 'dn:\nobjectClass: top\nobjectClass: extensibleObject\ndefaultNamingContext: %s\n' "$base" >"$dir/root.ldif"
    content >"$dir/content.ldif"
    # Where the system's server is confined to its own directories, that holds for its path.
    cp "$(command -v slapd || echo $programs/slapd)" "$dir/slapd"
    ln -sf slapd "$dir/slapadd"
    if [ "$(id -u)" -eq 0 ]; then
        run_as=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
        chown -R nobody "$dir"
    fi
    local config
    for config in slapd plain; do
        "${run_as[@]}" "$dir/slapadd" -f "$dir/$config.conf" -l "$dir/content.ldif" >"$dir/slapadd.log" 2>&1 ||
            { cat "$dir/slapadd.log" >&2; die "the first entries cannot be added"; }
    done
    setsid "${run_as[@]}" "$dir/slapd" -f "$dir/slapd.conf" -h "ldap://127.0.0.1:$ldap ldaps://127.0.0.1:$ldaps" -d 0 \
        </dev/null >"$dir/slapd.log" 2>&1 &
    setsid "${run_as[@]}" "$dir/slapd" -f "$dir/plain.conf" -h "ldap://127.0.0.1:$plain" -d 0 \
        </dev/null >"$dir/plain.log" 2>&1 &
    cat >"$dir/env" <<EOF
LDAP_FQDN='$host'
LDAP_DOMAIN='$domain'
LDAP_BASE='$base'
LDAP_PORT='$ldap'
LDAP_LDAPS_PORT='$ldaps'
LDAP_PLAIN_PORT='$plain'
LDAP_CA='$dir/ca.pem'
LDAP_ADMIN='CN=Manager,$base'
LDAP_ADMIN_PW='$password'
LDAP_SVC_DN='CN=svc-idp,$base'
LDAP_SVC_PW='Svc-Bind-Passw0rd1'
EOF
    local port
    for port in "$ldap" "$plain"; do
        for _ in $(seq 100); do
            ldapwhoami -x -H "ldap://127.0.0.1:$port" -D "CN=Manager,$base" -w "$password" >/dev/null 2>&1 && continue 2
            sleep 0.1
        done
        cat "$dir/slapd.log" "$dir/plain.log" >&2
        stop "$dir"
        die "slapd does not answer on 127.0.0.1:$port"
    done
}

stop() {
    local dir=$1 file pid
    for file in "$dir/pid" "$dir/plain.pid"; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        # The number may be somebody else's by now.
        case $(readlink "/proc/$pid/exe" 2>/dev/null) in */slapd) kill "$pid" 2>/dev/null || true ;; esac
    done
}

case ${1-} in
    install) install ;;
    start) start "${2:?directory}" ;;
    env) cat "${2:?directory}/env" ;;
    stop) stop "${2:?directory}" ;;
    *) sed -n '2,/^set -euo/p' "$0" | sed '$d;s/^# \{0,1\}//'; exit 2 ;;
esac
