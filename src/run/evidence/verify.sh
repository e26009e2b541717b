#!/bin/sh
# Checks this bag of AWS CloudTrail evidence with common tools alone: a POSIX shell, sha256sum
# (or shasum), gzip, sed, awk, od, find, sort and OpenSSL. VERIFY.md explains each step.
#
#   sh verify.sh            checks the files, the digests, their chains and log files, and the seal
#   sh verify.sh CA.pem     checks who sealed it, too, by the authorities of that file
#
# It changes nothing. Exit status: 0 verified, 1 violation: something contradicts, 2 it could not run,
# 3 incomplete: nothing contradicts, but something is open: it could not be read when the bag was
# made, say, or this script cannot tell. It does not compare the page, the lines of the objects, the
# notes in custody and the controls with the report; trailseal evidence check does.
set -u
LC_ALL=C
export LC_ALL
authorities=${1:-}
case $authorities in '' | /*) ;; *) authorities=$PWD/$authorities ;; esac
[ -z "$authorities" ] || [ -r "$authorities" ] || { echo "the file of authorities cannot be read"; exit 2; }
unset CDPATH
cd "$(dirname "$0")" || exit 2
if command -v sha256sum >/dev/null; then sha='sha256sum'; else sha='shasum -a 256'; fi
for tool in "${sha%% *}" gzip openssl sed awk od find sort mktemp; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 2; }
done
made_by='{version}'
[ -f manifest-sha256.txt ] || { echo "there is no manifest-sha256.txt beside this script"; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/unpacked"
: >"$work/facts"
: >"$work/said"
# OpenSSL would trust the system's authorities beside those that are given.
SSL_CERT_DIR=$work/none
SSL_CERT_FILE=$work/none
export SSL_CERT_DIR SSL_CERT_FILE
# 4 GiB, in blocks of 512 bytes: no file of a bag unpacks to more, and one may be made to.
ulimit -f 8388608 2>/dev/null

# What could not be done is no fault of the bag.
trouble() {
    echo "a step failed: is there room in $work, and do the tools work?" >&2
    exit 2
}

# Names and texts of the bag must not steer the terminal.
shown() { tr -c '\n -~' '?'; }
fault() { printf 'FAULT  %s\n' "$*" >>"$work/said"; }
open() { printf 'OPEN   %s\n' "$*" >>"$work/said"; }
note() { printf 'NOTE   %s\n' "$*" >>"$work/said"; }
# Prints what was said since the last time, each once.
told() {
    [ -t 2 ] && printf '\r\033[K' >&2
    sort -u "$work/said" | shown | tee -a "$work/all-said"
    : >"$work/said"
}
: >"$work/all-said"
counted() { if [ "$1" -eq 1 ]; then echo "1 $2"; else echo "$1 $2s"; fi; }
count() { grep -c "^$1 " "$work/all-said"; }
progress() { [ ! -t 2 ] || printf '\r\033[K%s' "$*" >&2; }

# Flattens JSON: a line for each value, its place and the value with a tab between them.
cat >"$work/flatten.awk" <<'END'
function put(value,  place, i) {
    place = at[1]
    for (i = 2; i <= depth; i++) place = place "." at[i]
    print tag "\t" place "\t" value
}
{
    rest = $0
    while (match(rest, /^[ \t\r]+/) || rest != "") {
        if (rest ~ /^[ \t\r]/) { rest = substr(rest, RLENGTH + 1); continue }
        c = substr(rest, 1, 1)
        if (c == "\"") {
            match(rest, /^"([^"\\]|\\.)*"/)
            if (RLENGTH < 2) break
            word = substr(rest, 2, RLENGTH - 2)
            if (key) at[depth] = word; else put(word)
        } else if (c == "{") { RLENGTH = 1; depth++; object[depth] = 1; key = 1 }
        else if (c == "[") { RLENGTH = 1; depth++; object[depth] = 0; at[depth] = 0; key = 0 }
        else if (c == "}" || c == "]") { RLENGTH = 1; depth--; key = 0 }
        else if (c == ",") {
            RLENGTH = 1; key = object[depth]
            if (!key) at[depth]++
        } else if (c == ":") { RLENGTH = 1; key = 0 }
        else { match(rest, /^[^][{},: \t\r]+/); put(substr(rest, 1, RLENGTH)) }
        rest = substr(rest, RLENGTH + 1)
    }
}
END
flat() { [ ! -f "$2" ] || awk -v tag="$1" -f "$work/flatten.awk" "$2"; }
run=data/report/run.json
request=data/report/request.json
{ flat run "$run"; flat request "$request"; flat key data/keys/sources.json; } >"$work/json"
value() { awk -F '\t' -v tag="$1" -v place="$2" '$1 == tag && $2 == place { v = $3 } END { print v }' "$work/json"; }

# 1. Every file is there and unaltered, and there is no other.
progress 'reading all files'
find . -type f ! -path '*[[:cntrl:]]*' -exec $sha {} + 2>/dev/null >"$work/sums"
find . -type f ! -path '*[[:cntrl:]]*' -exec wc -c {} + 2>/dev/null >"$work/sizes"
cat >"$work/manifests.awk" <<'END'
function fault(text) { print "FAULT  " text }
FILENAME == sums {
    hash = substr($0, 1, 64); path = substr($0, 67)
    if ($0 ~ /^\\/) { hash = substr($0, 2, 64); path = substr($0, 68); gsub(/\\\\/, "\\", path) }
    sub(/^\.\//, "", path)
    there[path] = hash
    next
}
FILENAME == sizes {
    sub(/^ */, ""); size = $0; sub(/ .*/, "", size); path = $0; sub(/^[0-9]* \.\//, "", path)
    if (path ~ /^data\// && $0 ~ / \.\//) { bytes += size; files++ }
    next
}
{
    hash = tolower(substr($0, 1, 64)); path = substr($0, 67)
    if (length(hash) != 64 || hash ~ /[^0-9a-f]/ || $0 !~ /^[0-9a-fA-F]* [ *]./ || path == "") {
        fault(FILENAME ": a line of it is not a hash value and a path"); next
    }
    if ((FILENAME, path) in seen) fault(FILENAME ": it names " path " twice")
    seen[FILENAME, path] = named[path] = 1
    if (path ~ /^\// || path ~ /(^|\/)\.\.(\/|$)/) { fault(FILENAME ": " path " leads out of the bag"); next }
    if (FILENAME == "manifest-sha256.txt") {
        if (path !~ /^data\//) fault(path ": the manifest of data/ names it")
        print "manifest\t" path "\t" hash >>facts
    }
    if (!(path in there)) fault(path ": it is not there")
    else if (there[path] != hash) fault(path ": it was altered")
}
END {
    n = split("bagit.txt bag-info.txt manifest-sha256.txt VERIFY.md verify.sh verify.html", wanted, " ")
    for (i = 1; i <= n; i++)
        if (!(("tagmanifest-sha256.txt", wanted[i]) in seen)) fault(wanted[i] ": the tag manifest does not name it")
    n = split("tagmanifest-sha256.txt seal/tagmanifest-sha256.txt.p7s seal/signer.pem seal/statement.dsse.json seal/timestamp.tsr seal/crls.pem", wanted, " ")
    for (i = 1; i <= n; i++) named[wanted[i]] = 1
    for (path in there) if (path ~ /^seal\/timestamp-([2-9]|[1-9][0-9])[.]tsr$/) named[path] = 1
    known = "^(data/objects/.+|data/custody[.]csv|data/keys/[^/]+[.]pem" \
        "|data/keys/(public-keys|public-keys-of-any-region|sources)[.]json" \
        "|data/report/(run[.]json|report[.]html|objects[.]ndjson|request[.]json)" \
        "|data/controls/(controls[.]json|offers[.]json|offers[.]txt|certification[.]txt)" \
        "|bagit[.]txt|bag-info[.]txt|VERIFY[.]md|verify[.]sh|verify[.]html|(tag)?manifest-sha256[.]txt|seal/.*)$"
    for (path in there) {
        if (!(path in named)) fault(path ": no manifest names it")
        if (path !~ known) fault(path ": no evidence bag has such a file")
        if (path ~ /^data\/objects\//) print "there\t" path >>facts
    }
    oxum = sprintf("%.0f.%d", bytes, files)
    while ((getline line <"bag-info.txt") > 0) if (line ~ /^Payload-Oxum: /) stated = substr(line, 15)
    if (stated != oxum) fault("bag-info.txt: Payload-Oxum is another than the files in data/ have: " oxum)
    print files + 0 >count
}
END
awk -v sums="$work/sums" -v sizes="$work/sizes" -v facts="$work/facts" -v count="$work/count" \
    -f "$work/manifests.awk" "$work/sums" "$work/sizes" manifest-sha256.txt tagmanifest-sha256.txt >>"$work/said" 2>/dev/null
find . ! -type d \( ! -type f -o -path '*[[:cntrl:]]*' \) >"$work/strange"
find . -type d -name '*[[:cntrl:]]*' >>"$work/strange"
while IFS= read -r file; do fault "${file#./}: it is no regular file, or of a strange name"; done <"$work/strange"

# What bag-info.txt says must be what the report and the request of the run say.
info() { sed -n "s/^$1: //p" bag-info.txt; }
verdict=$(value run verdict)
kept=$(info Trailseal-Logs)
[ "$(info Trailseal-Verdict)" = "$verdict" ] || fault "bag-info.txt: its verdict is not that of $run"
[ "$kept" = "$(value request kept_logs)" ] ||
    fault "bag-info.txt: it says other log files are in the bag than $request"
unreferenced=$(value request unreferenced)
[ "$unreferenced" != violation ] || unreferenced=
[ "$(info Trailseal-Unreferenced)" = "$unreferenced" ] ||
    fault "bag-info.txt: it lets other log files pass than $request"
agent="$(value run tool.name) $(value run tool.version)"
[ "$(info Bag-Software-Agent)" = "$agent" ] || fault "bag-info.txt: it names another version than $run"
[ "$agent" = "trailseal $made_by" ] || open "$run: another version wrote it than this check is of"
told
echo "files      $(cat "$work/count") in data/, compared with their manifest"

# 2. The bytes that digests vouch for: those inside of the gzip files. A copy may hold files that were
#    unpacked on the way, which do not begin as a gzip file does. Some are unpacked at once, so that
#    their hash values take one process.
find data/objects -type f ! -path '*[[:cntrl:]]*' -exec head -c 2 /dev/null {} + 2>/dev/null |
    awk '/^==> .* <==$/ { path = substr($0, 5, length($0) - 8); first = 1; next }
        first { if (substr($0, 1, 2) == "\037\213") print path; first = 0 }' >"$work/gzip"
cat >"$work/objects.awk" <<'END'
FILENAME == gzip { packed[$0] = 1; next }
FILENAME == sizes {
    sub(/^ */, ""); size = $0; sub(/ .*/, "", size); path = $0; sub(/^[0-9]* \.\//, "", path)
    if (path ~ /^data\/objects\//) of[path] = size
    next
}
END {
    for (path in of) {
        owner = path
        if (sub(/\.metadata\.json$/, "", owner) && owner in of) continue
        print of[path] " " (path in packed ? "gzip" : "plain") " " path
    }
}
END
awk -v gzip="$work/gzip" -v sizes="$work/sizes" -f "$work/objects.awk" "$work/gzip" "$work/sizes" |
    sort -k 3 >"$work/objects"
# The fields of digests are texts without escapes; each log file that one lists begins with a brace.
cat >"$work/digest.awk" <<'END'
function field(name,  rest, found, pair) {
    rest = $0; found = ""
    while (match(rest, "\"" name "\" *: *\"[^\"]*\"")) {
        pair = substr(rest, RSTART, RLENGTH - 1); sub(/^"[^"]*" *: *"/, "", pair)
        found = pair; rest = substr(rest, RSTART + RLENGTH)
    }
    return found
}
function put(  i, line) {
    line = "digest\t" number
    for (i = 1; i <= n; i++) line = line "\t" value[i]
    if (number != "") print line
    for (i = 1; i <= n; i++) value[i] = ""
}
BEGIN {
    RS = "{"
    n = split("digestEndTime digestStartTime digestS3Bucket digestS3Object digestPublicKeyFingerprint previousDigestS3Bucket previousDigestS3Object previousDigestHashValue previousDigestSignature", name, " ")
}
FNR == 1 { put(); number = FILENAME; sub(/.*\//, "", number) }
{
    gsub(/[\t\r\n]/, " ")
    for (i = 1; i <= n; i++) if (index($0, "\"" name[i] "\"")) { found = field(name[i]); if (found != "") value[i] = found }
    if (!index($0, "\"s3Object\"")) next
    bucket = field("s3Bucket"); object = field("s3Object"); hash = field("hashValue")
    if (bucket == "" || object == "" || hash == "") print "unreadable\t" number
    else print "lists\t" number "\t" hash "\tdata/objects/" bucket "/" object
}
END { put() }
END
# Puts down what was unpacked: hash values, and what the digests among it say.
flush() {
    [ -s "$work/batch" ] || return 0
    (cd "$work/unpacked" && $sha -- * && wc -c -- * | sed 's/^ */size /') >"$work/hashes" || trouble
    od -A n -v -t u1 "$work/ends" | awk '{ for (i = 1; i <= NF; i++) {
        if (!k) place = 1
        v += $i * place; place *= 256
        if (++k == 4) { print "end " v; k = v = 0 } } }' >"$work/lengths" || trouble
    awk -v facts="$work/facts" '
        $1 == "end" { ends[++n] = $2; next }
        $1 == "size" { size[$3] = $2; next }
        NF == 2 && length($1) == 64 { hash[$2] = $1; next }
        {
            number = $1; state = $2; path = $0; sub(/^[^ ]* [^ ]* /, "", path)
            # The end of a gzip file states the length of its content: nothing may follow.
            if (state == "gzip" && ends[++k] != size[number] % 4294967296) state = "broken"
            digest = path ~ /\/CloudTrail-Digest\/.*\.json\.gz$/
            if (digest && size[number] > 134217728) state = "broken"
            print "object\t" number "\t" path "\t" (state == "broken" ? "-" : hash[number]) >>facts
            if (digest && state != "broken") print number
        }' "$work/lengths" "$work/hashes" "$work/batch" >"$work/parse" || trouble
    set --
    while read -r parsed; do set -- "$@" "$work/unpacked/$parsed"; done <"$work/parse"
    [ $# -eq 0 ] || awk -f "$work/digest.awk" "$@" >>"$work/facts" || trouble
    rm -f "$work/unpacked"/*
    : >"$work/batch"
    : >"$work/ends"
    batch=0
    bytes=0
}
: >"$work/batch"
: >"$work/ends"
all=$(wc -l <"$work/objects" | tr -d ' ')
number=0
batch=0
bytes=0
while read -r size form file; do
    number=$((number + 1))
    batch=$((batch + 1))
    bytes=$((bytes + size))
    if [ "$form" = plain ]; then
        cat "$file" >"$work/unpacked/$number" || trouble
    elif gzip -dc <"$file" >"$work/unpacked/$number" 2>/dev/null; then
        tail -c 4 "$file" >>"$work/ends"
    else
        # A full disk is no damaged file.
        gzip -t <"$file" 2>/dev/null && trouble
        form=broken
    fi
    printf '%s %s %s\n' "$number" "$form" "$file" >>"$work/batch"
    if [ "$batch" -ge 200 ] || [ "$bytes" -ge 16777216 ]; then
        flush
        progress "unpacked $number of $all objects"
    fi
done <"$work/objects"
flush

# Signatures. A copy may lack a digest's own; then the digest after it carries it.
find data/objects -type f -path '*/CloudTrail-Digest/*.metadata.json' ! -path '*[[:cntrl:]]*' -exec awk '
    function field(name) {
        if (!match($0, "\"" name "\" *: *\"[^\"]*\"")) return ""
        pair = substr($0, RSTART, RLENGTH - 1); sub(/^"[^"]*" *: *"/, "", pair); return pair
    }
    { gsub(/\t/, " ") }
    (found = field("signature")) != "" { print "signature\t" FILENAME "\t" found }
    (found = field("backfill-generation-timestamp")) != "" { print "made\t" FILENAME "\t" found }' {} + \
    2>/dev/null | sed 's/\.metadata\.json	/	/' >>"$work/facts"
cat >"$work/signatures.awk" <<'END'
$1 == "object" { path[$2] = $3; hash[$2] = $4 }
$1 == "digest" { order[++n] = $2; line[$2] = $0 }
$1 == "signature" { own[$2] = $3 }
END {
    for (i = 1; i <= n; i++) {
        split(line[order[i]], f, "\t")
        before = "data/objects/" f[8] "/" f[9]
        if (f[9] != "" && !(before in carried)) carried[before] = f[11]
    }
    for (i = 1; i <= n; i++) {
        split(line[order[i]], f, "\t"); file = path[order[i]]
        signature = file in own ? own[file] : carried[file]
        print "signed\t" file "\t" signature >signed
        if (signature == "" || signature ~ /[^0-9a-f]/ || length(signature) % 2) continue
        bytes = ""
        for (k = 1; k < length(signature); k += 2)
            bytes = bytes sprintf("\\%03o", 16 * (index(digits, substr(signature, k, 1)) - 1) + index(digits, substr(signature, k + 1, 1)) - 1)
        fingerprint = f[7] == "" || f[7] ~ /[^0-9a-f]/ ? "none" : f[7]
        gsub(/ /, "?", f[3])
        print fingerprint, bytes, f[3], hash[order[i]], (f[11] == "" ? "null" : f[11]), f[5] "/" f[6]
        print file >files
    }
}
END
awk -F '\t' -v signed="$work/signed" -v files="$work/files" -v digits=0123456789abcdef \
    -f "$work/signatures.awk" "$work/facts" >"$work/sign" || trouble
[ ! -f "$work/signed" ] || cat "$work/signed" >>"$work/facts"
# The signature: RSA PKCS#1 v1.5 with SHA-256 over four lines.
number=0
while read -r fingerprint bytes end hash previous object; do
    number=$((number + 1))
    printf '%s\n%s\n%s\n%s' "$end" "$object" "$hash" "$previous" >"$work/message"
    # shellcheck disable=SC2059 # The format is the signature's bytes.
    printf "$bytes" >"$work/signature"
    valid=nokey
    for key in "data/keys/$fingerprint.pem" "data/keys/$fingerprint"-*.pem; do
        [ -f "$key" ] || continue
        [ "$valid" = yes ] || valid=no
        openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/message" >/dev/null 2>&1 && valid=yes
    done
    echo "$valid"
    [ $((number % 100)) -ne 0 ] || progress "verified $number signatures"
done <"$work/sign" >"$work/valid"
[ ! -s "$work/sign" ] || awk 'NR == FNR { file[NR] = $0; next } { print "valid\t" file[FNR] "\t" $0 }' \
    "$work/files" "$work/valid" >>"$work/facts"
for key in data/keys/*.pem; do
    key=${key##*/}
    printf 'pem\t%s\n' "${key%.pem}"
done >>"$work/facts"
# Custody: a row for each object, with quotation marks where a cell needs them (RFC 4180).
[ ! -f data/custody.csv ] || awk '
    function cells(text,  n, rest, cell) {
        rest = text; n = 0
        while (1) {
            if (match(rest, /^"([^"]|"")*"/)) {
                cell = substr(rest, 2, RLENGTH - 2); gsub(/""/, "\"", cell); rest = substr(rest, RLENGTH + 1)
            } else { match(rest, /^[^,]*/); cell = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1) }
            gsub(/[\t\n]/, " ", cell); row[++n] = cell
            if (substr(rest, 1, 1) != ",") return n
            rest = substr(rest, 2)
        }
    }
    {
        sub(/\r$/, ""); whole = whole == "" ? $0 : whole "\n" $0
        if (gsub(/"/, "\"", whole) % 2) next
        cells(whole); whole = ""
        if (NR > 1) print "custody\t" row[1] "\t" row[2] "\t" row[3] "\t" row[6] "\t" row[10] "\t" row[11]
    }' data/custody.csv >>"$work/facts"
[ ! -f data/report/objects.ndjson ] || awk '/"result":"unchecked"/ && match($0, /"key":"[^"]*"/) {
    print "unchecked\t" substr($0, RSTART + 7, RLENGTH - 8) }' data/report/objects.ndjson >>"$work/facts"

progress 'comparing digests and log files'
cat >"$work/judge.awk" <<'END'
function fault(text) { print "FAULT  " text }
function open(text) { print "OPEN   " text }
function note(text) { print "NOTE   " text }
# What is wrong with a digest that was asked for; of others, which only lead to those, it is open.
function amiss(text) { if (scope) fault(text); else open(text) }
function in_scope(path) { return !(kind[path] == "digest" && result[path] == "not checked" && packed[path] == "yes") }
# Seconds since 1970, counted from the parts of a time.
function seconds(t,  y, m, d) {
    if (t !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]/) return ""
    y = substr(t, 1, 4) + 0; m = substr(t, 6, 2) + 0; d = substr(t, 9, 2) + 0
    if (m < 3) { y--; m += 12 }
    return (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469) * 86400 \
        + substr(t, 12, 2) * 3600 + substr(t, 15, 2) * 60 + substr(t, 18, 2)
}
# What should be there and is not: a fault, unless the bag says that it could not be read, or only a
# digest that is not verified says that it should.
function gone(path, by, text,  key) {
    key = path; sub(/^data\/objects\/[^\/]*\//, "", key)
    if (path in unread) open(path ": it was not read when the bag was made")
    else if (key in unchecked) open(path ": it could not be checked when the bag was made")
    else if (valid[by] != "yes") open(text "; its digest is not verified")
    else fault(text)
}
# The account and region of a path, and the time that their digests cover.
function area(path,  parts, n, i) {
    n = split(path, parts, "/")
    for (i = 2; i < n; i++) if (parts[i] == "CloudTrail-Digest") return parts[i - 1] " " parts[i + 1]
    return ""
}
# Where the time in a log file's name lies: covered by digests, or beyond them.
function place(path,  name, parts, n, of, t, time) {
    name = path; sub(/.*\//, "", name)
    n = split(name, parts, "_")
    if (n < 4 || length(parts[1]) != 12 || parts[1] ~ /[^0-9]/ || parts[2] !~ /^CloudTrail/) return "covered"
    t = parts[4]
    if (t !~ /^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9]Z/) return "covered"
    of = parts[1] " " parts[3]
    if (!(of in from)) return "beyond"
    time = seconds(substr(t, 1, 4) "-" substr(t, 5, 2) "-" substr(t, 7, 2) "T" substr(t, 10, 2) ":" substr(t, 12, 2) ":00")
    if (time < from[of]) return "beyond"
    if (time < until[of]) return "covered"
    return "beyond"
}
FILENAME == json && $1 == "run" { told[$2] = $3; if ($2 ~ /^findings\..*\.code$/) findings[++nf] = substr($2, 10, length($2) - 14); next }
FILENAME == json && $1 == "request" { asked[$2] = $3; next }
FILENAME == json && $1 == "key" { split($2, at, "."); if (at[1] + 1 > nk) nk = at[1] + 1; key_of[at[1] "." at[2]] = $3; next }
$1 == "manifest" { manifest[$2] = $3 }
$1 == "there" { there[$2] = 1 }
$1 == "object" { number[$3] = $2; path_of[$2] = $3; hash[$3] = $4; objects[++no] = $3 }
$1 == "digest" { line[$2] = $0 }
$1 == "lists" { entries[$2]++; entry[$2, entries[$2]] = $4; wanted[$2, entries[$2]] = $3; listed[$4] = 1; listed_hash[$3] = 1 }
$1 == "unreadable" { bad[$2] = 1 }
$1 == "signed" { signature[$2] = $3 }
$1 == "made" { made[$2] = $3 }
$1 == "valid" { valid[$2] = $3 }
$1 == "pem" { name = $2; pem[name] = 1; sub(/-[0-9]*$/, "", name); pem[name] = 1 }
$1 == "custody" {
    if (!($2 in packed) || $3 == "yes") { packed[$2] = $3; kind[$2] = $4; sum[$2] = $5; result[$2] = $6; code[$2] = $7 }
    if ($3 == "no" || $3 == "unreadable") unread[$2] = 1
}
$1 == "unchecked" { unchecked[$2] = 1 }
END {
    # A row of custody for each object says whether it is here, with its hash value.
    for (i = 1; i <= no; i++) if (packed[objects[i]] != "yes") fault(objects[i] ": data/custody.csv does not say that it is in the bag")
    for (path in packed) {
        if (packed[path] != "yes") continue
        if (!(path in there)) fault(path ": data/custody.csv says that it is in the bag")
        else if (sum[path] != manifest[path]) fault(path ": data/custody.csv has another hash value")
    }
    for (i = 0; ("keys." i ".fingerprint") in told; i++)
        if (told["keys." i ".used"] == "true" && !(told["keys." i ".fingerprint"] in pem))
            fault("data/keys: there is no key " told["keys." i ".fingerprint"] ", which " run " says was used")

    for (i = 1; i <= no; i++) {
        file = objects[i]
        if (file !~ /\/CloudTrail-Digest\/.*\.json\.gz$/) continue
        digests++
        scope = in_scope(file)
        if (!scope) aside++
        split(line[number[file]], f, "\t")
        if (!(number[file] in line) || f[3] == "" || f[6] == "") { amiss(file ": it is not whole"); continue }
        end = f[3]; start = f[4]; at_object = f[5] "/" f[6]; fingerprint = f[7]
        if ("data/objects/" at_object != file) amiss(file ": the digest says that it is " at_object)
        mine = signature[file]
        if (mine == "") { if (scope) open(file ": there is no signature for it") }
        else if (mine ~ /[^0-9a-f]/ || length(mine) % 2) fault(file ": its signature is not hexadecimal")
        else if (fingerprint == "" || fingerprint ~ /[^0-9a-f]/) fault(file ": it names no key")
        else if (valid[file] == "nokey") {
            if (asked["online"] == "true") amiss(file ": there is no key " fingerprint)
            else open(file ": there is no key " fingerprint)
        } else if (valid[file] != "yes") amiss(file ": its signature does not fit its bytes")

        # Keys are valid for a time, and a digest is signed soon after its end.
        signed = seconds(end); if (file ~ /_backfill\.json\.gz$/ && file in made) signed = seconds(made[file]) - 3600
        known = fits = 0
        for (k = 0; k < nk; k++) if (key_of[k ".fingerprint"] == fingerprint) {
            known = 1
            if (key_of[k ".valid_from"] == "null" || (seconds(key_of[k ".valid_from"]) <= signed + 7200 && seconds(key_of[k ".valid_to"]) >= signed)) fits = 1
        }
        if (known && !fits) amiss(file ": its key was not valid when it was signed, by data/keys/sources.json")

        # The link to the digest before it. Only the first digest of a chain may lead out of the bag.
        chain = file; sub(/\/[0-9]+\/[0-9]+\/[0-9]+\/[^\/]*$/, "", chain)
        name = file; sub(/.*\//, "", name); backfill = name ~ /_backfill\.json\.gz$/
        sub(/_[^_]*$/, "", name); if (backfill) sub(/_[^_]*$/, "", name)
        chain = chain "/" name (backfill ? " backfill" : "")
        if (f[9] != "") {
            before = "data/objects/" f[8] "/" f[9]
            if (before in hash) {
                if (hash[before] != f[10]) amiss(file ": the digest before it is not the one that it links to: " before)
                if (signature[before] != f[11]) amiss(file ": the signature of the digest before it is not the one that it links to: " before)
            } else if (scope && chain in first) gone(before, file, file ": the digest before it is not in the bag: " before)
            followers[f[9]] = followers[f[9]] " " file; follow[f[9]]++
        }
        if (scope) { first[chain] = 1; some = 1 }
        if (!backfill) {
            if (scope) { names[name]++; window[name, names[name]] = start " " end }
            of = area(file); if (!(of in from) || seconds(start) < from[of]) from[of] = seconds(start)
            if (!(of in until) || seconds(end) > until[of]) until[of] = seconds(end)
        }
        # The log files that it lists, each with the hash value of its content.
        if (number[file] in bad) fault(file ": an entry of its log files cannot be read")
        for (k = 1; k <= entries[number[file]]; k++) {
            log_file = entry[number[file], k]
            if (!(log_file in hash)) {
                absent++
                if (kept == "all" && scope) gone(log_file, file, log_file ": a digest lists it, and it is not in the bag")
                continue
            }
            logs++
            text = ""
            if (hash[log_file] == "-") text = log_file ": it is not whole"
            else if (hash[log_file] != wanted[number[file], k]) text = log_file ": its content is not what the digest vouches for"
            if (text == "") continue
            if (valid[file] == "yes") fault(text); else open(text)
        }
    }
    if (!some) open("there are no digests of what was asked for: nothing is proven")
    for (digest in follow) if (follow[digest] > 1) fault(digest ": several digests follow this one:" followers[digest])

    # The time that was asked for. Nothing in a bag shows what lay where no digest is. What the run's
    # report explains is told, and not counted.
    to = asked["end"]; if (to == "null" || to == "") to = told["scope.end"]
    if (to == "null") to = ""
    if (asked["start"] == "null") asked["start"] = ""
    if (asked["as_of"] == "null") asked["as_of"] = ""
    for (name in names) {
        # In order of time: windows are few, and nearly in order.
        n = names[name]
        for (i = 1; i <= n; i++) sorted[i] = window[name, i]
        for (i = 2; i <= n; i++) for (k = i; k > 1 && sorted[k - 1] > sorted[k]; k--) { swap = sorted[k]; sorted[k] = sorted[k - 1]; sorted[k - 1] = swap }
        split(sorted[1], w, " "); last = w[2]
        if (asked["start"] != "" && w[1] > asked["start"]) {
            text = name ": its digests begin " w[1] ", after the time that was asked for"
            if (severity("chain-late-start", asked["start"]) == "notice") note(text); else open(text)
        }
        for (i = 1; i <= n; i++) {
            split(sorted[i], w, " ")
            if (w[1] > last) {
                text = name ": no digest covers " last " to " w[1]
                if (severity("chain-gap", last) == "notice") note(text); else open(text)
            }
            if (w[2] > last) last = w[2]
        }
        if (to == "" || seconds(last) + asked["grace_seconds"] >= seconds(to)) continue
        text = name ": its newest digest ends " last ", before the time that was asked for"
        weight = severity("chain-truncated", last)
        if (weight == "notice") note(text)
        else if (weight == "incomplete") open(text)
        else if (weight != "" || asked["as_of"] == "" || seconds(last) + asked["grace_seconds"] < seconds(asked["as_of"])) fault(text)
    }
    for (list = 1; list <= 2; list++) for (i = 0; (word = asked[(list == 1 ? "accounts." : "regions.") i]) != ""; i++) {
        found = 0
        for (k = 1; k <= no && !found; k++) found = objects[k] ~ /\/CloudTrail-Digest\// && index(objects[k], "/" word "/")
        if (!found) open(word ": it was asked for, and there are no digests of it")
    }
    count = told["totals.digests.valid"]
    if (verdict == "verified" && count != digests - aside) fault(run ": it counts " (count == "" ? "no" : count) " valid digests, and the bag holds other ones")
    all_listed = 0; for (path in listed) all_listed++
    count = told["totals.logs.valid"]
    if (count > all_listed) fault(run ": it counts " count " valid log files, and the digests list fewer")
    print "digests    " digests + 0 " checked: signatures, places and links" >lines
    if (aside) print "           " aside (aside == 1 ? " of them lies" : " of them lie") " outside of what was asked for, by data/custody.csv" >lines
    print "log files  " logs + 0 " checked against their digests; " absent + 0 (absent == 1 ? " is" : " are") " listed and not in the bag" >lines

    # 3. Files that no digest lists.
    for (i = 1; i <= no; i++) {
        path = objects[i]
        if (path ~ /\/CloudTrail-Digest\/.*\.json\.gz$/ || path in listed) continue
        where = place(path)
        if (code[path] == "log-uncovered" && where != "covered") where = "uncovered"
        if (hash[path] in listed_hash) where = "twin"
        print where " " path >unlisted
    }
}
function severity(named, start,  i, at, weight) {
    weight = ""
    for (i = 1; i <= nf; i++) {
        at = "findings." findings[i] "."
        if (told[at "code"] == named && told[at "start"] == start) weight = told[at "severity"]
    }
    return weight
}
END
: >"$work/unlisted"
awk -F '\t' -v json="$work/json" -v lines="$work/lines" -v unlisted="$work/unlisted" -v kept="$kept" \
    -v verdict="$verdict" -v run="$run" -f "$work/judge.awk" "$work/json" "$work/facts" >>"$work/said" || trouble
told
cat "$work/lines"
# A log file by its name, or because a program that reads log files would open it: gzip, zstd, bzip2
# or JSON.
is_log() {
    case ${1##*/} in [0-9]*_CloudTrail*) return 0 ;; esac
    case $(od -A n -t x1 -N 4 "$1" | tr -d ' ') in 1f8b* | 28b52ffd | 425a68*) return 0 ;; esac
    case $(tr -d ' \t\r\n\000' <"$1" | head -c 1) in '{' | '[') return 0 ;; esac
    return 1
}
while read -r where file; do
    if [ "$where" = twin ]; then
        note "$file: it has the content of a log file that a digest lists, and no digest lists it"
    elif ! is_log "$file"; then
        note "$file: no digest in the bag lists it, and it is no log file by its name and content"
    elif [ -n "$unreferenced" ]; then
        note "$file: no digest in the bag lists it; the run was asked to let that pass"
    elif [ "$where" = covered ]; then
        fault "$file: no digest in the bag lists it"
    elif [ "$where" = uncovered ]; then
        note "$file: no digest in the bag lists it; its time is not covered by one"
    else
        open "$file: no digest in the bag lists it; its time is not covered by one"
    fi
done <"$work/unlisted"

# 4. The seal. bag-info.txt says which parts it has, so that one that was taken away is missed.
field() { sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p' "$2" | tail -n 1; }
hash_of() {
    sum=$($sha <"$1")
    echo "${sum%% *}"
}
signature=seal/tagmanifest-sha256.txt.p7s
statement=seal/statement.dsse.json
stamp=seal/timestamp.tsr
lists=seal/crls.pem
stated=", $(info Trailseal-Seal), "
for file in "$signature" seal/signer.pem "$statement"; do
    case $stated in *', signed, '*) [ -f "$file" ] || fault "$file: the bag was signed, and it is not there" ;; esac
done
case $stated in *', time-stamped, '*) [ -f "$stamp" ] || fault "$stamp: the bag was time-stamped, and it is not there" ;; esac
case $stated in *', with revocation lists, '*) [ -f "$lists" ] || fault "$lists: the bag was with revocation lists, and it is not there" ;; esac
number=2
earlier=$stamp
while [ "$number" -lt 100 ]; do
    own=seal/timestamp-$number.tsr
    [ -f "$earlier" ] || [ ! -f "$own" ] || fault "$earlier: it is not there, and $own is over it"
    earlier=$own
    number=$((number + 1))
done
# Whether a file is one value of DER and nothing else.
is_der() {
    openssl asn1parse -inform DER -in "$1" 2>/dev/null |
        awk -v size="$(wc -c <"$1")" 'NR == 1 { sub(/.*hl= */, ""); whole = $1 + substr($0, index($0, "l=") + 2) == size } END { exit !whole }'
}
# Checks the CMS file $1 over what follows, and puts its signer's certificate into $2. OpenSSL takes more
# forms than are taken here: one signature over attributes, with SHA-2, by a key that is not short.
fits_cms() {
    cms=$1
    signer=$2
    shift 2
    openssl cms -verify -binary -noverify -inform DER -in "$cms" -signer "$signer" "$@" >/dev/null 2>&1 &&
        openssl cms -cmsout -print -noout -inform DER -in "$cms" 2>/dev/null | awk '
            /^    signerInfos:/ { inside = 1 }
            inside && /^        version: / { signers++ }
            inside && /^        (digestAlgorithm|signedAttrs|signatureAlgorithm):/ {
                part = $1; getline
                if (part == "digestAlgorithm:" && $2 !~ /^sha(256|384|512)$/) bad = 1
                if (part == "signedAttrs:" && /<(ABSENT|EMPTY)>/) bad = 1
                if (part == "signatureAlgorithm:" && $2 == "rsassaPss") bad = 1
            }
            END { exit bad || inside && signers != 1 }' &&
        openssl x509 -in "$signer" -noout -text 2>/dev/null | awk '
            /^ *Version: / && !version { version = $2 }
            /^ *Public Key Algorithm: / && !kind { kind = $NF }
            /^ *(RSA )?Public-Key: \(/ && !bits { bits = $0; sub(/.*\(/, "", bits); bits += 0 }
            /^ *ASN1 OID: / && !curve { curve = $NF }
            END {
                if (kind == "rsaEncryption") exit version != 3 || bits < 2048 || bits > 8192
                exit version != 3 || curve !~ /^(prime256v1|secp384r1|secp521r1)$/
            }'
}
# "Mar  1 00:00:00.5 2026 GMT" as seconds since 1970.
epoch() {
    echo "$1" | awk '{
        m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3; y = $4; split($3, t, ":")
        if (m < 3) { y--; m += 12 }
        printf "%.0f\n", (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + $2 - 719469) * 86400 \
            + t[1] * 3600 + t[2] * 60 + int(t[3])
    }'
}
whose() { openssl x509 -in "$1" -noout -subject -dates 2>/dev/null | sed 's/^/           /' | shown; }

# Blocks of a PEM file, each in a file of its own.
split() { awk -v label="$1" -v to="$2" '
    index($0, "-----BEGIN " label "-----") == 1 { n++; on = 1 }
    on { print >(to n) }
    index($0, "-----END " label "-----") == 1 { on = 0; close(to n) }'; }
# Revocation lists: those of the seal, and newer ones that you may have put beside the authorities.
lists_fit=yes
read_lists() {
    [ -n "$authorities" ] || return 0
    { [ ! -f "$lists" ] || cat "$lists"; cat "$authorities"; } | tr -d '\r' | split 'X509 CRL' "$work/list-"
    for list in "$work"/list-*; do
        [ ! -f "$list" ] || openssl crl -in "$list" -noout 2>/dev/null || lists_fit=no
    done
    [ "$lists_fit" = yes ] || open "$lists: a revocation list cannot be read"
}
# When the certificate $1, which came in the CMS file $2, was revoked, by a list that its issuer signed.
# Prints nothing if it was not, or not by the time $3, in seconds since 1970.
revoked() {
    [ -f "$work/list-1" ] || return 0
    rm -f "$work"/issuer-*
    { openssl pkcs7 -inform DER -in "$2" -print_certs 2>/dev/null; tr -d '\r' <"$authorities"; } |
        split CERTIFICATE "$work/issuer-"
    name=$(openssl x509 -in "$1" -noout -issuer_hash 2>/dev/null)
    serial=$(openssl x509 -in "$1" -noout -serial 2>/dev/null | sed 's/.*=//')
    for list in "$work"/list-*; do
        [ "$(openssl crl -in "$list" -noout -hash 2>/dev/null)" = "$name" ] || continue
        for issuer in "$work"/issuer-*; do
            openssl verify -partial_chain -no_check_time -CAfile "$issuer" "$1" >/dev/null 2>&1 || continue
            openssl crl -in "$list" -noout -CAfile "$issuer" 2>&1 | grep -q 'verify OK' || continue
            date=$(openssl crl -in "$list" -noout -text 2>/dev/null | awk -v serial="$serial" '
                /^ *Serial Number: / { found = ("x" $3) == ("x" serial) }
                found && /^ *Revocation Date: / { sub(/^ *Revocation Date: /, ""); print; exit }')
            [ -n "$date" ] && { [ -z "$3" ] || [ "$(epoch "$date")" -le "$3" ]; } || continue
            echo "$date"
            return
        done
    done
}

# The signature fits the tag manifest, by the certificate beside it. What fits nothing fits by no
# authority either.
signed=no
check_signature() {
    [ -f "$signature" ] || return 0
    der() { openssl x509 -in "$1" -outform DER 2>/dev/null | $sha; }
    if ! is_der "$signature" || ! fits_cms "$signature" "$work/signer" -content tagmanifest-sha256.txt; then
        rm -f "$work/signer"
        fault "$signature: it does not fit the tag manifest"
    elif [ -f seal/signer.pem ] && [ "$(der seal/signer.pem)" != "$(der "$work/signer")" ]; then
        fault "seal/signer.pem: it holds another certificate than the signature"
    else
        signed=yes
    fi
}

# The statement (in-toto, in a DSSE envelope) is by the signer's key, about this bag, and of the same
# verdict.
check_statement() {
    [ -f "$statement" ] || return 0
    type=$(field payloadType "$statement")
    field payload "$statement" | openssl base64 -d -A >"$work/payload" 2>/dev/null
    field sig "$statement" | openssl base64 -d -A >"$work/signature" 2>/dev/null
    openssl x509 -in "$work/signer" -pubkey -noout >"$work/public" 2>/dev/null
    {
        printf 'DSSEv1 %s %s %s ' "${#type}" "$type" "$(wc -c <"$work/payload" | tr -d ' ')"
        cat "$work/payload"
    } >"$work/message"
    fits=no
    for hash in sha256 sha384; do
        openssl dgst "-$hash" -verify "$work/public" -signature "$work/signature" "$work/message" \
            >/dev/null 2>&1 && fits=yes
    done
    if [ "$fits" = no ] || [ "$type" != application/vnd.in-toto+json ]; then
        fault "$statement: its signature is not that of the certificate's key"
        return
    fi
    flat statement "$work/payload" >>"$work/json"
    [ "$(value statement _type) $(value statement predicateType)" = "https://in-toto.io/Statement/v1 urn:trailseal:evidence:1" ] ||
        fault "$statement: it is a statement of another kind"
    for file in tagmanifest-sha256.txt "$run"; do
        awk -F '\t' -v hash="$(hash_of "$file" 2>/dev/null)" \
            '$1 == "statement" && $2 ~ /^subject\.[0-9]+\.digest\.sha256$/ && $3 == hash { found = 1 } END { exit !found }' \
            "$work/json" || fault "$statement: it is about another bag"
    done
    [ "$(value statement predicate.verdict)" = "$verdict" ] || fault "$statement: it says another verdict than $run"
}

# The first time-stamp is over the signature, or the tag manifest where there is none; a further one is
# over the same and all earlier ones. Prints those that fit.
at=
check_stamps() {
    if [ -f "$signature" ]; then cat "$signature"; else cat tagmanifest-sha256.txt; fi >"$work/covered"
    number=1
    while [ -f "$stamp" ]; do
        openssl ts -reply -in "$stamp" -token_out -out "$work/token" >/dev/null 2>&1
        if ! is_der "$stamp" || ! fits_cms "$work/token" "$work/tsa" -out "$work/stamp"; then
            fault "$stamp: it is not signed by its authority"
            return
        fi
        if ! openssl asn1parse -inform DER -in "$work/stamp" 2>/dev/null | tr 'A-F' 'a-f' |
            grep -Fq "$(hash_of "$work/covered")"; then
            fault "$stamp: it is over something else"
            return
        fi
        time=$(openssl ts -reply -in "$stamp" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
        # RFC 3161: its certificate is for time-stamping and nothing else, and the token names it.
        uses=$(openssl x509 -in "$work/tsa" -noout -ext extendedKeyUsage 2>/dev/null)
        keys=$(openssl x509 -in "$work/tsa" -noout -ext keyUsage 2>/dev/null | sed 1d | tr ',' '\n' | sed 's/^ *//')
        case $uses in
            *': critical'*) [ "$(echo "$uses" | sed 1d | tr -d ' ')" = TimeStamping ] || uses= ;;
            *) uses= ;;
        esac
        [ "$(echo "$keys" | grep -v -e '^Digital Signature$' -e '^Non Repudiation$')" = "" ] || uses=
        if openssl ts -verify -data "$work/covered" -in "$stamp" -CAfile "$work/tsa" -partial_chain \
            -attime "$(epoch "$time")" 2>&1 >/dev/null | grep -Eiq ':ess|ess_|signing.cert'; then
            fault "$stamp: it names another certificate than the one that signed it, or none"
            return
        elif [ -z "$uses" ]; then
            open "$stamp: its certificate is not one for time-stamping alone (RFC 3161, 2.3)"
        elif [ -z "$authorities" ]; then
            echo "           time-stamp: $time, by"
            whose "$work/tsa"
        elif [ "$lists_fit" = no ]; then
            :
        elif date=$(revoked "$work/tsa" "$work/token" "$(epoch "$time")"); [ -n "$date" ]; then
            open "$stamp: its certificate was revoked: $date"
        elif openssl ts -verify -data "$work/covered" -in "$stamp" -CAfile "$authorities" -attime "$(epoch "$time")" \
            >/dev/null 2>"$work/err"; then
            [ -n "$at" ] && [ "$at" -le "$(epoch "$time")" ] || at=$(epoch "$time")
            echo "seal       time-stamp: $time"
        else
            open "$stamp: it is not by an authority that you gave: $(tail -n 1 "$work/err")"
        fi
        cat "$stamp" >>"$work/covered"
        number=$((number + 1))
        [ "$number" -lt 100 ] || return
        stamp=seal/timestamp-$number.tsr
    done
}

# The signer's certificate leads to an authority, and is for signing. A certificate expires; that the
# signature was there before is what a time-stamp shows.
check_signer() {
    if [ ! -f "$signature" ]; then
        open "$signature: the bag is not signed"
        return
    fi
    [ "$signed" = yes ] && [ "$lists_fit" = yes ] || return 0
    date=$(revoked "$work/signer" "$signature" "$at")
    if [ -n "$date" ]; then
        open "$signature: its certificate was revoked: $date"
        return
    fi
    if ! openssl cms -verify -binary -inform DER -in "$signature" -content tagmanifest-sha256.txt \
        -purpose any -partial_chain -CAfile "$authorities" ${at:+-attime "$at"} -out /dev/null 2>"$work/err"; then
        open "$signature: it is not by an authority that you gave: $(tail -n 1 "$work/err")"
        return
    fi
    # Certificates for web servers, say, sign no documents, unless you trust the very certificate.
    openssl x509 -in "$work/signer" -noout -ext extendedKeyUsage 2>/dev/null | sed 1d >"$work/uses"
    body=$(openssl x509 -in "$work/signer" 2>/dev/null | grep -v -e ----- | tr -d '\n')
    tr -d '\r\n' <"$authorities" | grep -Fq -e "$body" && : >"$work/uses"
    if [ -s "$work/uses" ] && ! grep -Eq 'E-mail Protection|Code Signing|Any Extended Key Usage|1\.3\.6\.1\.5\.5\.7\.3\.36|Document Signing' "$work/uses"; then
        open "$signature: its certificate is not for this use: $(sed 's/^ *//' "$work/uses")"
        return
    fi
    echo "seal       the signature over the tag manifest fits, by a certificate that leads to your authorities:"
    whose "$work/signer"
}

# Parts are over one another: where one cannot be read, nothing is said of the others.
unread=no
for file in "$signature" seal/signer.pem "$statement" "$lists" "$stamp" seal/timestamp-[2-9].tsr seal/timestamp-[1-9][0-9].tsr; do
    [ -f "$file" ] && [ "$(wc -c <"$file")" -gt 1048576 ] || continue
    open "$file: it could not be read: it is larger than 1048576 bytes"
    unread=yes
done
if [ -n "$authorities" ]; then
    :
elif [ -f "$signature" ] || [ -f "$stamp" ]; then
    echo "seal       signer NOT verified: give a file of authorities (sh verify.sh CA.pem)"
else
    echo "seal       none: nothing shows who packed this bag, or when"
fi
if [ "$unread" = no ]; then
    read_lists
    check_signature
    if [ "$signed" = yes ] && [ -z "$authorities" ]; then
        echo "           signed by, as the certificate says,"
        whose "$work/signer"
    fi
    check_statement
    check_stamps
    [ -z "$authorities" ] || check_signer
fi
told
faults=$(count FAULT)
opens=$(count OPEN)
if [ "$faults" -eq 0 ] && [ "$verdict" = violation ]; then
    fault "$run: the run found violations; its report says which"
elif [ "$faults" -eq 0 ] && [ "$opens" -eq 0 ] && [ "$verdict" != verified ]; then
    open "$run: the run came to $verdict; its report says why"
fi
told
echo "report     its verdict and counts were compared; its page, lines and controls were not"
faults=$(count FAULT)
opens=$(count OPEN)
if [ "$faults" -ne 0 ]; then
    echo "RESULT     VIOLATION: what is in this bag contradicts what was signed, or what it says ($(counted "$faults" fault))"
    exit 1
elif [ "$opens" -ne 0 ]; then
    echo "RESULT     INCOMPLETE: nothing contradicts, but not all of it is proven ($(counted "$opens" thing) open)"
    exit 3
fi
echo "RESULT     VERIFIED by the keys in this bag: that they are CloudTrail's is for you to check (VERIFY.md, step 2)"
[ "$kept" = all ] || echo "           Log files that the bag does not hold were not checked."
