#!/bin/sh
# Verifies this archive without relgate: the chain, every signature, every decision, every file of evidence.
# Needs sh, openssl, jq, sha256sum and the usual small tools (cmp, cut, head, mktemp, od, split, tr, wc).
#
#   ./verify.sh [--head SEQUENCE:SHA256] [--key ID]...
#
# --head: a head of the ledger that you were given another way (a CI summary, a tag, a locked object). Without one
# nobody can say whether records are missing at the end. --key: the id of a key that may sign, given to you another way;
# later keys follow by rotation. Without one, any key in keys/ may.
#
# Exit codes: 0 all is well, and the head is here; 1 something is broken; 2 it could not be verified; 3 all that is here
# is whole, but no --head was given.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")" || exit 2
given= trusted=
while [ $# -gt 0 ]; do
    case "$1" in
    --head) given=${2:-none}; shift 2 || exit 2 ;;
    --key) trusted="$trusted ${2:-none}"; shift 2 || exit 2 ;;
    *) echo "usage: verify.sh [--head SEQUENCE:SHA256] [--key ID]..." >&2; exit 2 ;;
    esac
done
for tool in openssl jq sha256sum od split cmp; do
    command -v "$tool" >/dev/null 2>&1 || { echo "verify.sh: $tool is missing" >&2; exit 2; }
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
broken=0
fault() { printf 'FAULT: %s\n' "$*"; broken=1; }
digest() { sha256sum | cut -c1-64; }

# --- the files are those that were packed
sha256sum --check --quiet --strict SHA256SUMS || fault "files differ from SHA256SUMS"

# --- a key's name is its id: computed here, not believed
openssl_pss="-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:auto"
for pem in keys/*.pem; do
    [ -e "$pem" ] || continue
    raw=$(openssl pkey -pubin -in "$pem" -outform DER 2>/dev/null | od -An -v -tx1 | tr -d ' \n')
    case "$raw" in
    302a300506032b6570032100*) type=ed25519 scheme=ed25519 how= ;;
    3059301306072a8648ce3d020106082a8648ce3d030107034200*) type=ecdsa scheme=ecdsa-sha2-nistp256 how="-digest sha256" ;;
    3076301006072a8648ce3d020106052b81040022036200*) type=ecdsa scheme=ecdsa-sha2-nistp384 how="-digest sha384" ;;
    3082????300d06092a864886f70d0101010500*) type=rsa scheme=rsassa-pss-sha256 how=$openssl_pss ;;
    *) fault "$pem is no Ed25519, ECDSA P-256, P-384 or RSA key: only these can be checked here"; continue ;;
    esac
    if [ "$type" = ed25519 ]; then
        printf '%s' "${raw#302a300506032b6570032100}" >"$work/public"
    else
        openssl pkey -pubin -in "$pem" >"$work/public"
    fi
    id=$({
        printf '{"keytype":"%s","keyval":{"public":"' "$type"
        cat "$work/public"
        printf '"},"scheme":"%s"}' "$scheme"
    } | digest)
    if [ "keys/$id.pem" = "$pem" ]; then printf '%s' "$how" >"$work/key.$id"; else fault "$pem is not the key of that id"; fi
done

# --- the chain, line by line
sequence=$(jq -r .first manifest.json) previous=$(jq -r .previous manifest.json) ledger=$(jq -r .ledger manifest.json)
[ "$previous" != null ] && [ "$sequence" != null ] || fault "manifest.json does not say where the chain begins"
[ -z "$(tail -c 1 ledger.jsonl | tr -d '\n')" ] || fault "the last line of ledger.jsonl is torn"
split -l 1 -a 6 ledger.jsonl "$work/line." || exit 2
key= unsigned=0 decided=0 count=0 seen=no
: >"$work/runs"
signed_by() { # $1: id of the key, $2: Base64 signature
    [ -e "$work/key.$1" ] || { fault "line $count: the key $1 is not in keys/"; return; }
    printf '%s' "$2" | openssl base64 -d -A >"$work/sig" 2>/dev/null
    [ "$(openssl base64 -A -in "$work/sig")" = "$2" ] || fault "line $count: a signature is not in canonical Base64"
    # shellcheck disable=SC2046 # options, several of them
    openssl pkeyutl -verify -pubin -inkey "keys/$1.pem" -rawin $(cat "$work/key.$1") -in "$work/pae" -sigfile "$work/sig" >/dev/null 2>&1 ||
        fault "line $count: the signature of $1 does not fit"
}
for line in "$work"/line.*; do
    [ -e "$line" ] || break
    count=$((count + 1))
    sha=$(tr -d '\n' <"$line" | digest)
    jq -j .payload "$line" 2>/dev/null >"$work/payload64" || { fault "line $count: not JSON"; break; }
    openssl base64 -d -A -in "$work/payload64" >"$work/payload" 2>/dev/null
    # The envelope has one form: built again from its parts it is the same line.
    {
        printf '{"payload":"'
        openssl base64 -A -in "$work/payload"
        printf '","payloadType":"application/vnd.in-toto+json","signatures":['
        jq -j '[.signatures[] | "{\"keyid\":\"\(.keyid)\",\"sig\":\"\(.sig)\"}"] | join(",")' "$line"
        printf ']}\n'
    } >"$work/again" 2>/dev/null
    cmp -s "$work/again" "$line" || { fault "line $count: not in canonical form"; break; }
    jq -r '[.predicate.sequence, .predicate.previous, .predicate.ledger, .predicate.key // "-",
            (.predicateType | split("/") | .[-2]), .predicate.body.run_id // "-", .predicate.body.new // "-",
            ._type] | @tsv' "$work/payload" >"$work/facts" 2>/dev/null || { fault "line $count: no statement"; break; }
    IFS='	' read -r its_sequence its_previous its_ledger its_key kind run new type <"$work/facts"
    [ "$type" = "https://in-toto.io/Statement/v1" ] || fault "line $count: not an in-toto statement"
    [ "$its_sequence" = "$sequence" ] || { fault "line $count: expected record $sequence, got $its_sequence"; break; }
    [ "$its_previous" = "$previous" ] || { fault "line $count: does not follow on the line before it"; break; }
    [ "$its_ledger" = "$ledger" ] || { fault "line $count: belongs to another ledger"; break; }

    { printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c <"$work/payload" | tr -d ' ')"; cat "$work/payload"; } >"$work/pae"
    jq -r '.signatures[] | [.keyid, .sig] | @tsv' "$line" >"$work/signatures"
    ids=$(cut -f1 "$work/signatures" | tr '\n' ' ')
    ids=${ids% }
    wanted=$its_key
    [ "$kind" != key-rotation ] || wanted="$its_key $new"
    [ "$wanted" != - ] || wanted=
    [ "$ids" = "$wanted" ] || fault "line $count: signed by '$ids', says '$wanted'"
    if [ "$its_key" = - ]; then
        unsigned=$((unsigned + 1))
        [ -z "$key" ] || fault "line $count: unsigned, after signed ones"
        [ -z "$trusted" ] || fault "line $count: unsigned"
    else
        [ -z "$key" ] || [ "$key" = "$its_key" ] || fault "line $count: signed by $its_key without a rotation from $key"
        case " ${trusted:-$its_key} " in
        *" $its_key "*) ;;
        *) fault "line $count: signed by $its_key, which is not trusted" ;;
        esac
        while IFS='	' read -r id signature; do signed_by "$id" "$signature"; done <"$work/signatures"
        key=$its_key
        if [ "$kind" = key-rotation ]; then
            key=$new
            [ -z "$trusted" ] || trusted="$trusted $new"
        fi
    fi
    [ "$given" != "$sequence:$sha" ] || seen=$sequence

    # --- what a record rests on
    case "$kind" in
    run-started)
        printf '%s\n' "$run" >>"$work/runs"
        jq -r '.predicate.body.policy_files // {} | .[] | "\(.)  evidence/\(.).yaml"' "$work/payload" >"$work/sums"
        ;;
    gate-decision)
        decided=$sequence
        jq -r '.predicate.body.context.evidence // {} | to_entries[] | "\(.value)  \(.key)"' "$work/payload" >"$work/sums"
        jq -S --argjson sequence "$sequence" --arg sha "$sha" \
            '.predicate.body | del(.context) + {record: {sequence: $sequence, sha256: $sha}}' "$work/payload" >"$work/recorded"
        jq -S . "runs/$run/decision.json" >"$work/document" 2>/dev/null
        cmp -s "$work/recorded" "$work/document" || fault "record $sequence: runs/$run/decision.json is missing or differs"
        ;;
    *) : >"$work/sums" ;;
    esac
    if [ -s "$work/sums" ]; then
        (cd "runs/$run" && sha256sum --check --quiet --strict "$work/sums") || fault "record $sequence: evidence of run $run"
    fi
    previous=$sha
    sequence=$((sequence + 1))
done
for folder in runs/*/; do
    [ -e "$folder" ] || continue
    run=${folder#runs/}
    grep -qxF "${run%/}" "$work/runs" || fault "$folder: no record of such a run"
done
[ "$previous" = "$(jq -r .head.sha256 manifest.json)" ] || fault "the last line is not the one that manifest.json names"
[ "$count" -gt 0 ] || [ "$(jq -r .count manifest.json)" = 0 ] || fault "there is no record"
[ "$count" = "$(jq -r .count manifest.json)" ] || fault "manifest.json counts $(jq -r .count manifest.json) records, read $count"

# --- the verdict
[ "$unsigned" = 0 ] || echo "note: $unsigned records are unsigned: whoever could write the ledger could make them"
[ -z "$key" ] || [ -n "$trusted" ] || echo "note: signed by keys of this archive; hold their ids against those that you were given: $key"
if [ -n "$given" ] && [ "$seen" = no ]; then
    fault "the head $given is not here"
elif [ -n "$given" ] && [ "$seen" -lt "$decided" ]; then
    echo "note: the head $given is older than the last decision (record $decided)"
    given=
fi
if [ "$broken" != 0 ]; then
    echo "NOT VERIFIED"
    exit 1
fi
echo "whole: $count records, the last one $((sequence - 1)):$previous"
if [ -z "$given" ]; then
    echo "complete: UNKNOWN: without a head that was kept elsewhere (--head), a cut at the end cannot be excluded"
    exit 3
fi
echo "complete up to record $seen"
