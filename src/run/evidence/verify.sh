#!/bin/sh
# Checks this bag of AWS CloudTrail evidence with common tools alone: a POSIX shell, sha256sum
# (or shasum), gzip, sed, awk, find, sort and OpenSSL. VERIFY.md explains each step.
#
#   sh verify.sh            checks the files, the digests, their chains and their log files
#   sh verify.sh CA.pem     checks the seal too, against the authorities of that file
#
# It changes nothing. Exit status: 0 all of it holds, 1 something does not, 2 it could not run,
# 3 nothing contradicts, but something is open: it could not be read when the bag was made, say, or
# this script cannot tell. It does not compare the page, the lines of the objects and the controls
# with the report; only a seal, or trailseal evidence check, shows that they were not rewritten.
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
made_by='{version}'
[ -f manifest-sha256.txt ] || { echo "there is no manifest-sha256.txt beside this script"; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
: >"$work/faults"
: >"$work/open"
: >"$work/listed"
: >"$work/signed"
: >"$work/times"
: >"$work/links"
: >"$work/hashed"
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
# Lines that sha256sum passes over, names twice, and names that lead elsewhere.
for manifest in manifest-sha256.txt tagmanifest-sha256.txt; do
    grep -Ev '^[0-9a-fA-F]{64} [ *].' "$manifest" >"$work/extra" &&
        fault "$manifest: a line of it is not a hash value and a path"
    sed 's/^[0-9a-fA-F]* [ *]//' "$manifest" | awk 'seen[$0]++' >"$work/extra"
    while IFS= read -r file; do fault "$manifest: it names $file twice"; done <"$work/extra"
    sed 's/^[0-9a-fA-F]* [ *]//' "$manifest" | grep -E '^/|(^|/)\.\.(/|$)' >"$work/extra"
    while IFS= read -r file; do fault "$manifest: $file leads out of the bag"; done <"$work/extra"
done
sed 's/^[0-9a-fA-F]* [ *]//' manifest-sha256.txt | grep -v '^data/' >"$work/extra"
while IFS= read -r file; do fault "$file: the manifest of data/ names it"; done <"$work/extra"
for file in bagit.txt bag-info.txt manifest-sha256.txt VERIFY.md verify.sh; do
    grep -Eq "^[0-9a-fA-F]{64} [ *]$file\$" tagmanifest-sha256.txt ||
        fault "$file: the tag manifest does not name it"
done
{
    sed 's/^[0-9a-fA-F]* [ *]//' manifest-sha256.txt tagmanifest-sha256.txt
    echo tagmanifest-sha256.txt
    for file in tagmanifest-sha256.txt.p7s signer.pem statement.dsse.json timestamp.tsr; do
        echo "seal/$file"
    done
} | sort -u >"$work/named"
find . -type f | sed 's|^\./||' | sort >"$work/all"
comm -13 "$work/named" "$work/all" >"$work/extra"
while IFS= read -r file; do fault "$file: the manifest does not name it"; done <"$work/extra"
while IFS= read -r file; do
    case $file in
    data/objects/* | data/custody.csv | data/keys/public-keys.json) ;;
    data/keys/public-keys-of-any-region.json | data/keys/sources.json) ;;
    data/keys/*/*) fault "$file: no evidence bag has such a file" ;;
    data/keys/*.pem | data/report/run.json | data/report/report.html) ;;
    data/report/objects.ndjson | data/report/request.json | data/controls/controls.json) ;;
    data/controls/offers.json | data/controls/offers.txt | data/controls/certification.txt) ;;
    bagit.txt | bag-info.txt | VERIFY.md | verify.sh | *manifest-sha256.txt | seal/*) ;;
    *) fault "$file: no evidence bag has such a file" ;;
    esac
done <"$work/all"
grep '^data/' "$work/all" >"$work/there"
oxum=$(find data -type f -exec cat {} + | wc -c | tr -d ' ').$(wc -l <"$work/there" | tr -d ' ')
[ "$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)" = "$oxum" ] ||
    fault "bag-info.txt: Payload-Oxum is another than the files in data/ have: $oxum"
find . ! -type d \( ! -type f -o -name '*[[:cntrl:]]*' \) >"$work/extra"
find . -type d -name '*[[:cntrl:]]*' >>"$work/extra"
while IFS= read -r file; do fault "$file: it is no regular file, or of a strange name"; done <"$work/extra"

# What bag-info.txt says must be what the report and the request of the run say.
run=data/report/run.json
request=data/report/request.json
info() { sed -n "s/^$1: //p" bag-info.txt; }
verdict=$(field verdict "$run")
[ "$(info Trailseal-Verdict)" = "$verdict" ] ||
    fault "bag-info.txt: its verdict is not that of $run"
[ "$(info Trailseal-Logs)" = "$(field kept_logs "$request")" ] ||
    fault "bag-info.txt: it says other log files are in the bag than $request"
weighs=$(field unreferenced "$request")
[ "$weighs" != violation ] || weighs=
[ "$(info Trailseal-Unreferenced)" = "$weighs" ] ||
    fault "bag-info.txt: it lets other log files pass than $request"
agent=$(sed -n '/"tool"/,/}/p' "$run" | sed -n 's/.*"version" *: *"\([^"]*\)".*/\1/p' | head -n 1)
[ "$(info Bag-Software-Agent)" = "trailseal $agent" ] ||
    fault "bag-info.txt: it names another version than $run"
[ "$agent" = "$made_by" ] || open "$run: another version wrote it than this script is of"

# A row of custody for each object, that says that it is here, with its hash value. Rows with
# quotation marks are left aside.
grep -v '"' data/custody.csv 2>/dev/null | tr -d '\r' | sed -n 's/^\(data\/objects\/[^,]*\),yes,.*/\1/p' | sort -u >"$work/packed"
grep '"' data/custody.csv 2>/dev/null >"$work/quoted"
grep '^data/objects/' "$work/there" >"$work/objects"
awk 'NR == FNR { there[$0]; next }
    { of = $0 } sub(/\.metadata\.json$/, "", of) && of in there { next } { print }' \
    "$work/objects" "$work/objects" | sort >"$work/stored"
comm -13 "$work/packed" "$work/stored" >"$work/extra"
while IFS= read -r file; do
    grep -Fq -e "$file,yes," -e "$file\",yes," "$work/quoted" ||
        fault "$file: data/custody.csv does not say that it is in the bag"
done <"$work/extra"
comm -23 "$work/packed" "$work/stored" >"$work/extra"
while IFS= read -r file; do fault "$file: data/custody.csv says that it is in the bag"; done <"$work/extra"
grep -v '"' data/custody.csv 2>/dev/null | awk -F, 'NR == FNR { hash[substr($0, 67)] = substr($0, 1, 64); next }
    $2 == "yes" && $6 != hash[$1] { print $1 }' manifest-sha256.txt - >"$work/extra"
while IFS= read -r file; do fault "$file: data/custody.csv has another hash value"; done <"$work/extra"
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
# What should be there and is not: a fault, unless the bag says that it could not be read, or that
# the copy that the bag was made of does not reach it.
gone() {
    key=${1#data/objects/*/}
    if is_of "$1" unread; then
        open "$1: it was not read when the bag was made"
    elif grep -F "\"key\":\"$key\"" data/report/objects.ndjson 2>/dev/null |
        grep -Fq '"result":"unchecked"'; then
        open "$1: it could not be checked when the bag was made"
    else
        fault "$2"
    fi
}

# What is wrong with a digest that was asked for; of others, which only lead to those, it is open.
amiss() { if [ "$scope" = yes ]; then fault "$@"; else open "$@"; fi; }

kept=$(sed -n 's/^Trailseal-Logs: //p' bag-info.txt)
unreferenced=$(sed -n 's/^Trailseal-Unreferenced: //p' bag-info.txt)
logs=0
absent=0
while IFS= read -r file; do
    if is_of "$file" aside; then scope=no; else scope=yes; fi
    unpacked "$file" || { amiss "$file: it is not whole: $(tail -n 1 "$work/err")"; continue; }
    hash=$(hash_of "$work/json")
    end=$(field digestEndTime "$work/json")
    start=$(field digestStartTime "$work/json")
    object="$(field digestS3Bucket "$work/json")/$(field digestS3Object "$work/json")"
    fingerprint=$(field digestPublicKeyFingerprint "$work/json")
    previous_signature=$(field previousDigestSignature "$work/json")
    [ "data/objects/$object" = "$file" ] || amiss "$file: the digest says that it is $object"

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
        [ "$valid" = yes ] ||
            amiss "$file: its signature does not fit its bytes, or there is no key $fingerprint"
        ;;
    esac
    made=
    case $file in *_backfill.json.gz) made=$(field backfill-generation-timestamp "$file.metadata.json" 2>/dev/null) ;; esac
    printf '%s %s %s %s\n' "$fingerprint" "$end" "${made:--}" "$file" >>"$work/signed"

    # The link to the digest before it. Only the first digest of a chain may lead out of the bag.
    previous=$(field previousDigestS3Object "$work/json")
    chain=$(printf '%s' "$file" | sed 's|/[0-9]*/[0-9]*/[0-9]*/\([^/]*\)$|/\1|; s/_[0-9]\{8\}T[0-9]\{6\}Z\(_backfill\)\{0,1\}\.json\.gz$/\1/')
    if [ -n "$previous" ]; then
        before="data/objects/$(field previousDigestS3Bucket "$work/json")/$previous"
        if [ -f "$before" ]; then
            content "$before" >"$work/before" 2>/dev/null
            [ "$(hash_of "$work/before")" = "$(field previousDigestHashValue "$work/json")" ] ||
                amiss "$file: the digest before it is not the one that it links to: $before"
            [ "$(signature_of "$before")" = "$previous_signature" ] ||
                amiss "$file: the signature of the digest before it is not the one that it links to: $before"
        elif [ "$scope" = yes ] && grep -Fqx "$chain" "$work/first"; then
            gone "$before" "$file: the digest before it is not in the bag: $before"
        fi
    fi
    [ "$scope" = no ] || grep -Fqx "$chain" "$work/first" || printf '%s\n' "$chain" >>"$work/first"

    name=${file##*/}
    case $name in
    *_backfill.json.gz) ;;
    *) [ "$scope" = no ] || printf '%s %s %s\n' "${name%_*}" "$start" "$end" >>"$work/times" ;;
    esac
    [ -z "$previous" ] || printf '%s %s\n' "$previous" "$file" >>"$work/links"

    # The log files that it lists, each with the hash value of its content.
    tr '{' '\n' <"$work/json" | grep '"s3Object"' >"$work/entries"
    sed -n 's|.*"s3Bucket" *: *"\([^"]*\)".*"s3Object" *: *"\([^"]*\)".*"hashValue" *: *"\([^"]*\)".*|\3 data/objects/\1/\2|p' \
        "$work/entries" >"$work/hashes"
    [ "$(wc -l <"$work/entries")" -eq "$(wc -l <"$work/hashes")" ] ||
        fault "$file: an entry of its log files cannot be read"
    while read -r expected log; do
        printf '%s\n' "$log" >>"$work/listed"
        printf '%s\n' "$expected" >>"$work/hashed"
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
awk '{ before[$1] = before[$1] " " $2; n[$1]++ } END { for (d in n) if (n[d] > 1) print d ":" before[d] }' \
    "$work/links" >"$work/extra"
while IFS= read -r file; do fault "$file: several digests follow this one"; done <"$work/extra"

# Keys are valid for a time, and a digest is signed soon after its end. Seconds since 1970, counted
# from the parts of a time.
seconds='function seconds(t,  y, m, d) {
    if (t !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]/) return ""
    y = substr(t, 1, 4) + 0; m = substr(t, 6, 2) + 0; d = substr(t, 9, 2) + 0
    if (m < 3) { y--; m += 12 }
    return (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469) * 86400 \
        + substr(t, 12, 2) * 3600 + substr(t, 15, 2) * 60 + substr(t, 18, 2)
}'
awk "$seconds"'
    NR == FNR && /"fingerprint"/ { gsub(/[ ",]/, ""); sub(/.*:/, ""); key = $0 }
    NR == FNR && /"valid_from"/ { gsub(/[ ",]/, ""); sub(/valid_from:/, ""); from = $0 }
    NR == FNR && /"valid_to"/ {
        gsub(/[ ",]/, ""); sub(/valid_to:/, "")
        n++; keys[n] = key; froms[n] = from; tos[n] = $0
    }
    NR == FNR { next }
    {
        first = seconds($2); last = first + 7200
        if ($3 != "-") { first = seconds($3) - 3600; last = first + 7200 }
        known = fits = 0
        for (i = 1; i <= n; i++) if (keys[i] == $1) {
            known = 1
            if (froms[i] == "null" || (seconds(froms[i]) <= last && seconds(tos[i]) >= first)) fits = 1
        }
        if (known && !fits) print $4
    }' data/keys/sources.json "$work/signed" >"$work/extra"
while IFS= read -r file; do
    scope=yes
    if is_of "$file" aside; then scope=no; fi
    amiss "$file: its key was not valid when it was signed, by data/keys/sources.json"
done <"$work/extra"

# The time that was asked for. Nothing in a bag shows what lay where no digest is.
asked() { sed -n 's/^ *"'"$1"'" *: *"\{0,1\}\([^",]*\).*/\1/p' "$request" | head -n 1; }
sort "$work/times" | awk -v from="$(asked start)" -v to="$(asked end)" -v grace="$(asked grace_seconds)" "$seconds"'
    function ended() {
        if (chain != "" && to != "null" && to != "" && seconds(end) + grace < seconds(to))
            print chain ": its newest digest ends " end ", before the time that was asked for"
    }
    $1 != chain {
        ended(); chain = $1; end = $3
        if (from != "null" && from != "" && $2 > from) print chain ": its digests begin " $2 ", after the time that was asked for"
        next
    }
    $2 > end { print chain ": no digest covers " end " to " $2 }
    $3 > end { end = $3 }
    END { ended() }' >"$work/extra"
while IFS= read -r line; do open "$line"; done <"$work/extra"

# Where names of accounts and regions were asked for, each must have digests.
for name in accounts regions; do
    # An empty list ends on the line on which it begins.
    sed -n '/"'"$name"'" *: *\[ *$/,/\]/p' "$request" | sed -n 's/^ *"\([^"]*\)",\{0,1\}$/\1/p' >"$work/extra"
    while IFS= read -r word; do
        grep -q "/$word/" "$work/digests" || open "$word: it was asked for, and there are no digests of it"
    done <"$work/extra"
done

aside=$(wc -l <"$work/aside" | tr -d ' ')
sed -n '/"totals"/,/"coverage_seconds"/p' "$run" | sed -n 's/.*"valid" *: *\([0-9]*\).*/\1/p' >"$work/counts"
told=$(sed -n 1p "$work/counts")
[ "$verdict" != verified ] || [ "${told:-x}" = "$(($(wc -l <"$work/digests") - aside))" ] ||
    fault "$run: it counts ${told:-no} valid digests, and the bag holds other ones"
told=$(sed -n 2p "$work/counts")
[ "${told:-0}" -le "$(sort -u "$work/listed" | wc -l)" ] ||
    fault "$run: it counts $told valid log files, and the digests list fewer"
[ "$aside" -eq 0 ] || echo "           $aside of them lie outside of what was asked for, by data/custody.csv"
echo "log files  $logs checked against their digests; $absent are listed and not in the bag"

# 3. No log file in the bag is without a digest that lists it.
sort -u "$work/listed" "$work/digests" >"$work/sorted"
comm -13 "$work/sorted" "$work/stored" >"$work/extra"
# A log file by its name, or because a program that reads log files would open it: gzip, zstd, bzip2
# or JSON.
printf '\050\265\057\375' >"$work/zstd"
printf 'BZh' >"$work/bzip2"
is_log() {
    case ${1##*/} in [0-9]*_CloudTrail*) return 0 ;; esac
    head -c 2 "$1" | cmp -s - "$work/magic" && return 0
    head -c 4 "$1" | cmp -s - "$work/zstd" && return 0
    head -c 3 "$1" | cmp -s - "$work/bzip2" && return 0
    case $(tr -d ' \t\r\n\000' <"$1" | head -c 1) in '{' | '[') return 0 ;; esac
    return 1
}
while IFS= read -r file; do
    content "$file" >"$work/log" 2>/dev/null
    if grep -Fqx "$(hash_of "$work/log")" "$work/hashed"; then
        open "$file: it has the content of a log file that a digest lists, and no digest lists it"
        continue
    fi
    if ! is_log "$file"; then
        open "$file: no digest in the bag lists it, and it is no log file by its name and content"
    elif [ -n "$unreferenced" ]; then
        open "$file: no digest in the bag lists it; the run was asked to let that pass"
    else
        fault "$file: no digest in the bag lists it"
    fi
done <"$work/extra"

# 4. The seal. bag-info.txt says which parts it has, so that one that was taken away is missed.
signature=seal/tagmanifest-sha256.txt.p7s
stated=$(sed -n 's/^Trailseal-Seal: //p' bag-info.txt)
case $stated in *signed*) [ -f "$signature" ] || fault "$signature: the bag was signed, and it is not there" ;; esac
case $stated in *time-stamped*) [ -f seal/timestamp.tsr ] || fault "seal/timestamp.tsr: the bag was time-stamped, and it is not there" ;; esac
# What fits nothing fits by no authority either.
statement=seal/statement.dsse.json
if [ -f "$signature" ]; then
    openssl cms -verify -binary -inform DER -in "$signature" -content tagmanifest-sha256.txt \
        -noverify -signer "$work/signer" -out /dev/null 2>"$work/err" ||
        fault "$signature: it does not fit the tag manifest: $(tail -n 1 "$work/err")"
    der() { openssl x509 -in "$1" -outform DER 2>/dev/null | $sha; }
    [ ! -f seal/signer.pem ] || [ "$(der seal/signer.pem)" = "$(der "$work/signer")" ] ||
        fault "seal/signer.pem: it holds another certificate than the signature"
fi
if [ -f "$statement" ]; then
    kind=$(field payloadType "$statement")
    field payload "$statement" | openssl base64 -d -A >"$work/payload" 2>/dev/null
    field sig "$statement" | openssl base64 -d -A >"$work/signature" 2>/dev/null
    openssl x509 -in "$work/signer" -pubkey -noout >"$work/public" 2>/dev/null
    {
        printf 'DSSEv1 %s %s %s ' "${#kind}" "$kind" "$(wc -c <"$work/payload" | tr -d ' ')"
        cat "$work/payload"
    } >"$work/message"
    fits=no
    for hash in sha256 sha384; do
        openssl dgst "-$hash" -verify "$work/public" -signature "$work/signature" "$work/message" \
            >/dev/null 2>&1 && fits=yes
    done
    [ "$fits" = yes ] || fault "$statement: its signature is not that of the certificate's key"
    grep -Fq "$(hash_of tagmanifest-sha256.txt)" "$work/payload" || fault "$statement: it is about another bag"
    grep -Fq "\"verdict\":\"$verdict\"" "$work/payload" || fault "$statement: it says another verdict than $run"
fi
if [ -f seal/timestamp.tsr ]; then
    stamped=tagmanifest-sha256.txt
    [ -f "$signature" ] && stamped=$signature
    openssl ts -reply -in seal/timestamp.tsr -token_out -out "$work/token" >/dev/null 2>&1
    if openssl cms -verify -noverify -inform DER -in "$work/token" -out "$work/stamp" >/dev/null 2>&1; then
        openssl asn1parse -inform DER -in "$work/stamp" 2>/dev/null | tr 'A-F' 'a-f' |
            grep -Fq "$(hash_of "$stamped")" || fault "seal/timestamp.tsr: it is over something else"
    else
        fault "seal/timestamp.tsr: it is not signed by its authority"
    fi
fi
if [ -z "$authorities" ]; then
    echo "seal       by whom was not checked: give a file of authorities (sh verify.sh CA.pem)"
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

if [ "$verdict" != verified ] && [ ! -s "$work/faults" ] && [ ! -s "$work/open" ]; then
    open "$run: the run came to $verdict, and what it rests on is not in the bag"
fi
echo "report     its verdict and counts were compared; its page, lines and controls were not"
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
