#!/bin/sh
# Checks this bag of AWS CloudTrail evidence with common tools alone: a POSIX shell, sha256sum
# (or shasum), gzip, sed, awk, find, sort and OpenSSL. VERIFY.md explains each step.
#
#   sh verify.sh            checks the files, the digests, their chains and their log files
#   sh verify.sh CA.pem     checks the seal too, against the authorities of that file
#
# It changes nothing. Exit status: 0 all of it holds, 1 something does not, 2 it could not run,
# 3 nothing contradicts, but something is open: it could not be read when the bag was made, say.
set -u
LC_ALL=C
export LC_ALL
authorities=${1:-}
case $authorities in '' | /*) ;; *) authorities=$PWD/$authorities ;; esac
[ -z "$authorities" ] || [ -r "$authorities" ] || { echo "the file of authorities cannot be read"; exit 2; }
unset CDPATH
cd "$(dirname "$0")" || exit 2
if command -v sha256sum >/dev/null; then sha='sha256sum'; else sha='shasum -a 256'; fi
for tool in "${sha%% *}" gzip openssl sed awk cmp find sort mktemp; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 2; }
done
[ -f manifest-sha256.txt ] || { echo "there is no manifest-sha256.txt beside this script"; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
: >"$work/faults"
: >"$work/open"
: >"$work/listed"
: >"$work/first"
# OpenSSL would trust the system's authorities beside those that are given.
SSL_CERT_DIR=$work/none
SSL_CERT_FILE=$work/none
export SSL_CERT_DIR SSL_CERT_FILE
# 4 GiB, in blocks of 512 bytes: no file of a bag unpacks to more, and one may be made to.
ulimit -f 8388608 2>/dev/null

# Names and texts of the bag must not steer the terminal.
shown() { tr -c '[:print:]\n' '?'; }
fault() { printf 'FAULT  %s\n' "$*" | shown | tee -a "$work/faults"; }
open() { printf 'OPEN   %s\n' "$*" | shown | tee -a "$work/open"; }

# The bytes that a digest vouches for: those inside of the gzip file. A copy may hold files that
# were unpacked on the way, which do not begin as a gzip file does.
printf '\037\213' >"$work/magic"
content() {
    if head -c 2 "$1" | cmp -s - "$work/magic"; then gzip -dc "$1"; else cat "$1"; fi
}
# Unpacks a digest, of which none comes near 128 MiB but one that is made to hold this up.
unpacked() {
    content "$1" >"$work/json" 2>"$work/err" || return 1
    [ "$(wc -c <"$work/json")" -le 134217728 ] || { echo "it is too large" >"$work/err"; return 1; }
}
hash_of() {
    sum=$($sha <"$1")
    echo "${sum%% *}"
}
# The value of a text field of JSON: the digests' fields are texts without escapes.
field() { sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p' "$2" | tail -n 1; }

# 1. Every file is there and unaltered, and there is no other.
for manifest in manifest-sha256.txt tagmanifest-sha256.txt; do
    $sha -c "$manifest" >"$work/out" 2>&1 || {
        grep -v ': OK$' "$work/out" | shown
        fault "$manifest: files are missing or were altered"
    }
done
sed 's/^[0-9a-f]*  //' manifest-sha256.txt | sort >"$work/named"
find data -type f | sort >"$work/there"
comm -13 "$work/named" "$work/there" >"$work/extra"
while IFS= read -r file; do fault "$file: the manifest does not name it"; done <"$work/extra"
find . ! -type d \( ! -type f -o -name '*[[:cntrl:]]*' \) >"$work/extra"
find . -type d -name '*[[:cntrl:]]*' >>"$work/extra"
while IFS= read -r file; do fault "$file: it is no regular file, or of a strange name"; done <"$work/extra"
echo "files      $(wc -l <"$work/there" | tr -d ' ') in data/, compared with their manifest"

# 2. What each digest says, and what signs it. A copy may lack a digest's own signature; then the
#    digest after it carries it.
find data/objects -type f -path '*/CloudTrail-Digest/*' -name '*.json.gz' 2>/dev/null | sort >"$work/digests"
: >"$work/carried"
while IFS= read -r file; do
    unpacked "$file" || continue
    previous=$(field previousDigestS3Object "$work/json")
    [ -n "$previous" ] && printf 'data/objects/%s/%s %s\n' \
        "$(field previousDigestS3Bucket "$work/json")" "$previous" \
        "$(field previousDigestSignature "$work/json")" >>"$work/carried"
done <"$work/digests"
signature_of() {
    if [ -f "$1.metadata.json" ]; then found=$(field signature "$1.metadata.json"); else found=; fi
    if [ -z "$found" ]; then
        found=$(awk -v p="$1" 'substr($0, 1, length(p) + 1) == p " " { print $NF; exit }' "$work/carried")
    fi
    printf '%s' "$found"
}

# What the bag says of objects that it does not hold, and of digests that lie outside of the time
# and the trails that were asked for: those are there for their links, not for their log files.
grep -e ',no,' -e ',unreadable,' data/custody.csv 2>/dev/null >"$work/unread"
grep ',yes,digest,.*,not checked,' data/custody.csv 2>/dev/null >"$work/aside"
is_of() { grep -Fq -e "$1," -e "$1\"," "$work/$2"; }
# What should be there and is not: a fault, unless the bag says that it could not be read.
gone() {
    if is_of "$1" unread; then open "$1: it was not read when the bag was made"; else fault "$2"; fi
}

kept=$(sed -n 's/^Trailseal-Logs: //p' bag-info.txt)
unreferenced=$(sed -n 's/^Trailseal-Unreferenced: //p' bag-info.txt)
logs=0
absent=0
while IFS= read -r file; do
    unpacked "$file" || { fault "$file: it is not whole: $(tail -n 1 "$work/err")"; continue; }
    hash=$(hash_of "$work/json")
    end=$(field digestEndTime "$work/json")
    object="$(field digestS3Bucket "$work/json")/$(field digestS3Object "$work/json")"
    fingerprint=$(field digestPublicKeyFingerprint "$work/json")
    previous_signature=$(field previousDigestSignature "$work/json")
    if is_of "$file" aside; then scope=no; else scope=yes; fi
    [ "data/objects/$object" = "$file" ] || fault "$file: the digest says that it is $object"

    # The signature: RSA PKCS#1 v1.5 with SHA-256 over these four lines.
    printf '%s\n%s\n%s\n%s' "$end" "$object" "$hash" "${previous_signature:-null}" >"$work/message"
    signature=$(signature_of "$file")
    case $signature in
    '') open "$file: there is no signature for it" ;;
    *[!0-9a-f]*) fault "$file: its signature is not hexadecimal" ;;
    *)
        case $fingerprint in
        '' | *[!0-9a-f]*) fault "$file: it names no key"; fingerprint=none ;;
        esac
        # OpenSSL writes the bytes behind a head that is cut off again.
        openssl asn1parse -genstr "FORMAT:HEX,OCTETSTRING:$signature" -noout -out "$work/der" >/dev/null 2>&1
        tail -c "$((${#signature} / 2))" "$work/der" >"$work/signature"
        valid=no
        for key in "data/keys/$fingerprint"*.pem; do
            [ -f "$key" ] && openssl dgst -sha256 -verify "$key" -signature "$work/signature" \
                "$work/message" >/dev/null 2>&1 && valid=yes
        done
        [ "$valid" = yes ] || fault "$file: its signature does not fit its bytes, or there is no key $fingerprint"
        ;;
    esac

    # The link to the digest before it. Only the first digest of a chain may lead out of the bag.
    previous=$(field previousDigestS3Object "$work/json")
    chain=$(printf '%s' "$file" | sed 's|/[0-9]*/[0-9]*/[0-9]*/\([^/]*\)$|/\1|; s/_[0-9]\{8\}T[0-9]\{6\}Z\(_backfill\)\{0,1\}\.json\.gz$/\1/')
    if [ -n "$previous" ]; then
        before="data/objects/$(field previousDigestS3Bucket "$work/json")/$previous"
        if [ -f "$before" ]; then
            content "$before" >"$work/before" 2>/dev/null
            [ "$(hash_of "$work/before")" = "$(field previousDigestHashValue "$work/json")" ] ||
                fault "$file: the digest before it is not the one that it links to: $before"
            [ "$(signature_of "$before")" = "$previous_signature" ] ||
                fault "$file: the signature of the digest before it is not the one that it links to: $before"
        elif [ "$scope" = yes ] && grep -Fqx "$chain" "$work/first"; then
            gone "$before" "$file: the digest before it is not in the bag: $before"
        fi
    fi
    [ "$scope" = no ] || grep -Fqx "$chain" "$work/first" || printf '%s\n' "$chain" >>"$work/first"

    # The log files that it lists, each with the hash value of its content.
    tr '{' '\n' <"$work/json" | grep '"s3Object"' >"$work/entries"
    sed -n 's|.*"s3Bucket" *: *"\([^"]*\)".*"s3Object" *: *"\([^"]*\)".*"hashValue" *: *"\([^"]*\)".*|\3 data/objects/\1/\2|p' \
        "$work/entries" >"$work/hashes"
    [ "$(wc -l <"$work/entries")" -eq "$(wc -l <"$work/hashes")" ] ||
        fault "$file: an entry of its log files cannot be read"
    while read -r expected log; do
        printf '%s\n' "$log" >>"$work/listed"
        if [ ! -f "$log" ]; then
            [ "$kept" = all ] && [ "$scope" = yes ] &&
                gone "$log" "$log: a digest lists it, and it is not in the bag"
            absent=$((absent + 1))
            continue
        fi
        logs=$((logs + 1))
        content "$log" >"$work/log" 2>"$work/err" || fault "$log: it is not whole: $(tail -n 1 "$work/err")"
        [ "$(hash_of "$work/log")" = "$expected" ] ||
            fault "$log: its content is not what the digest vouches for"
    done <"$work/hashes"
done <"$work/digests"
[ -s "$work/first" ] || open "there are no digests of what was asked for: nothing is proven"
echo "digests    $(wc -l <"$work/digests" | tr -d ' ') checked: signatures, places and links"
aside=$(wc -l <"$work/aside" | tr -d ' ')
[ "$aside" -eq 0 ] || echo "           $aside of them lie outside of what was asked for, by data/custody.csv"
echo "log files  $logs checked against their digests; $absent are listed and not in the bag"

# 3. No log file in the bag is without a digest that lists it.
sort -u "$work/listed" "$work/digests" >"$work/sorted"
find data/objects -type f ! -name '*.metadata.json' 2>/dev/null | sort >"$work/stored"
comm -13 "$work/sorted" "$work/stored" >"$work/extra"
while IFS= read -r file; do
    case $unreferenced in
    '') fault "$file: no digest in the bag lists it" ;;
    *) open "$file: no digest in the bag lists it; the run was asked to let that pass" ;;
    esac
done <"$work/extra"

# 4. The seal. bag-info.txt says which parts it has, so that one that was taken away is missed.
signature=seal/tagmanifest-sha256.txt.p7s
stated=$(sed -n 's/^Trailseal-Seal: //p' bag-info.txt)
case $stated in *signed*) [ -f "$signature" ] || fault "$signature: the bag was signed, and it is not there" ;; esac
case $stated in *time-stamped*) [ -f seal/timestamp.tsr ] || fault "seal/timestamp.tsr: the bag was time-stamped, and it is not there" ;; esac
if [ -z "$authorities" ]; then
    echo "seal       not checked: give a file of authorities (sh verify.sh CA.pem)"
else
    if [ ! -f "$signature" ]; then
        fault "$signature: the bag is not signed"
    elif openssl cms -verify -binary -inform DER -in "$signature" -content tagmanifest-sha256.txt \
        -purpose any -CAfile "$authorities" -out /dev/null 2>"$work/err"; then
        echo "seal       the signature over the tag manifest fits, by a certificate that leads to your authorities:"
        openssl cms -verify -binary -inform DER -in "$signature" -content tagmanifest-sha256.txt \
            -noverify -signer "$work/signer" -out /dev/null 2>/dev/null
        openssl x509 -in "$work/signer" -noout -subject -dates | sed 's/^/           /'
    else
        fault "$signature: $(tail -n 1 "$work/err")"
    fi
    if [ -f seal/timestamp.tsr ]; then
        stamped=tagmanifest-sha256.txt
        [ -f "$signature" ] && stamped=$signature
        if openssl ts -verify -data "$stamped" -in seal/timestamp.tsr -CAfile "$authorities" >/dev/null 2>"$work/err"; then
            echo "           time-stamp: $(openssl ts -reply -in seal/timestamp.tsr -text 2>/dev/null | sed -n 's/^Time stamp: //p')"
        else
            fault "seal/timestamp.tsr: $(tail -n 1 "$work/err")"
        fi
    fi
fi

faults=$(wc -l <"$work/faults" | tr -d ' ')
opens=$(wc -l <"$work/open" | tr -d ' ')
if [ "$faults" -ne 0 ]; then
    echo "RESULT     $faults faults: what is in this bag contradicts what was signed"
    exit 1
elif [ "$opens" -ne 0 ]; then
    echo "RESULT     nothing contradicts, and $opens things are open: not all of it is proven"
    exit 3
fi
echo "RESULT     all of it holds, if the keys in data/keys are CloudTrail's (VERIFY.md, step 2)"
