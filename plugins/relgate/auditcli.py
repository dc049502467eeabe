"""``relgate audit``: verify a ledger, export a period, find gaps, show a release and its manifest, note, keys.

Exit codes: 0 all is well; 4 somebody's fault; 30 something is broken; 31 whole, but nothing outside vouches for its
end; 32 there are gaps.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from relgate.adapters.ledger import Ledger
    from relgate.audit.chain import Chain

EXIT_GAPS = 32
NOTES = ("approval", "attestation", "rollout-step", "rollback")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``relgate``."""
    audit = commands.add_parser("audit", help="the ledger: verify, export, gaps, show, events, manifest, note, key")
    audit.set_defaults(command=lambda _: _help(audit))
    parts = audit.add_subparsers(title="what", metavar="WHAT")
    _add_verify(parts)

    export = parts.add_parser("export", help="one archive with every run of a period, and a script that verifies it")
    _places(export)
    export.add_argument(
        "--from", dest="since", required=True, metavar="DAY", help="first day (2026-01-31) or time, UTC"
    )
    export.add_argument("--to", dest="until", required=True, metavar="DAY", help="last day or time, UTC, included")
    export.add_argument("--output", metavar="FILE", help="archive to write (default: relgate-audit-FROM-TO.tar.gz)")
    export.set_defaults(command=_export)

    gaps = parts.add_parser(
        "gaps", help="starts without decision, promotions without approval, rollouts without checks"
    )
    _places(gaps)
    gaps.add_argument("--env", metavar="NAME", help="this environment only")
    gaps.set_defaults(command=_gaps)

    show = parts.add_parser("show", help="a release from its ticket to its verification")
    _places(show)
    show.add_argument("release", metavar="RELEASE", help="its version, commit, image or any other fact of it")
    show.set_defaults(command=_show)
    _add_releases(parts)

    note = parts.add_parser("note", help=f"record what people and deployers did: {', '.join(NOTES)}")
    _places(note, writes=True)
    note.add_argument("kind", choices=NOTES, metavar="KIND", help=", ".join(NOTES))
    note.add_argument(
        "--release", metavar="KEY=VALUE", action="append", required=True, help="which release; repeatable"
    )
    note.add_argument("--actor", metavar="NAME", help="who (default: the CI's actor, or user@host)")
    note.add_argument("--step", metavar="STEP", help="of an attestation: ticket, review, tests, verification")
    note.add_argument("text", metavar="TEXT", help="what was done or found")
    note.set_defaults(command=_note)
    _add_key(parts)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 4


def _add_verify(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = parts.add_parser("verify", help="every line, signature, file and anchor; names the first that is broken")
    _places(verify)
    verify.add_argument(
        "--head", metavar="SEQ:SHA256", action="append", default=[], help="a head that was kept elsewhere; repeatable"
    )
    verify.add_argument("--key", metavar="FILE", action="append", default=[], help="public key that may sign (PEM)")
    verify.add_argument("--tsa-ca", metavar="FILE", help="certificates of the time-stamping authority (PEM)")
    verify.add_argument("--git", metavar="REPOSITORY", help="repository with signed tags of heads; needs --git-key")
    verify.add_argument("--git-key", metavar="FILE", help="public SSH key that signs the tags")
    verify.add_argument("--s3", metavar="BUCKET[/PREFIX]", help="bucket with locked objects of heads")
    verify.add_argument("--s3-endpoint", metavar="URL", help="an S3-compatible store (default: AWS)")
    verify.add_argument("--no-evidence", action="store_true", help="the chain alone, not the files of the runs")
    verify.set_defaults(command=_verify)


def _add_releases(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    events = parts.add_parser("events", help="release.prepared, .promoted, .failed and .rollback, a line for each")
    _places(events)
    events.add_argument("--env", metavar="NAME", help="this environment only")
    events.add_argument("--json", action="store_true", help="a JSON object a line")
    events.set_defaults(command=_events)

    manifest = parts.add_parser("manifest", help="a release as one JSON document: SQL, flags, runs, how it stands")
    _places(manifest)
    manifest.add_argument("version", metavar="VERSION", help="its version")
    manifest.add_argument("--env", metavar="NAME", help="where it goes to (default: where it was spoken of last)")
    manifest.set_defaults(command=_manifest)


def _add_key(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    key = parts.add_parser("key", help="make a key, or go over to another one")
    key.set_defaults(command=lambda _: _help(key))
    what = key.add_subparsers(title="what", metavar="WHAT")
    new = what.add_parser("new", help="write a new private key (Ed25519, mode 0600); prints the id of its public half")
    new.add_argument("file", metavar="FILE", help="never overwritten")
    new.set_defaults(command=_key_new)
    rotate = what.add_parser("rotate", help="record, signed by both keys, that another one signs from here on")
    _places(rotate, writes=True)
    rotate.add_argument("--old", metavar="KEY", help="key in force (default: the policy's)")
    text = "key that signs from here on: a file, env:NAME, or a KMS URI"
    rotate.add_argument("--new", metavar="KEY", required=True, help=text)
    rotate.set_defaults(command=_key_rotate)


def _places(parser: argparse.ArgumentParser, *, writes: bool = False) -> None:
    parser.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")
    parser.add_argument("--ledger", metavar="PLACE", help="folder or env:NAME of the ledger (default: the reports)")
    text = "policy that names ledger and key" + (" (default: relgate.yaml)" if writes else "")
    parser.add_argument("--policy", metavar="FILE", help=text)


def open_ledger(given: argparse.Namespace, *, writes: bool = False) -> Ledger:
    """Return the ledger that the options name; to write, with the policy's key."""
    from relgate import ledgers

    reports = Path(given.reports)
    if given.ledger is not None and not writes:
        return ledgers.at(given.ledger, reports)
    policy = given.policy or ("relgate.yaml" if writes and Path("relgate.yaml").exists() else None)
    if policy is None:
        return ledgers.at(str(reports))
    from relgate.adapters import ledgerkeys
    from relgate.settings import read_policy

    book = ledgers.opened(read_policy(policy)[0], policy, reports, protected=False)
    return book if writes else type(book)(book.store, book.folder, None, ledgerkeys.verifier(book.folder))


def _verify(given: argparse.Namespace) -> int:
    from relgate import auditor

    book = open_ledger(given)
    if not given.no_evidence and not Path(given.reports).is_dir():
        raise UsageError(f"{given.reports}: there is no such folder. Pass --reports DIR")
    found = auditor.verify(
        book,
        Path(given.reports),
        outside=[*map(_head, given.head), *_heads_elsewhere(given, book)],
        trusted=_trusted(given.key),
        tsa=None if given.tsa_ca is None else Path(given.tsa_ca),
        evidence=not given.no_evidence,
    )
    print("\n".join(auditor.told(found, book.store.name)))
    return found.exit_code


def _trusted(files: list[str]) -> list[str]:
    from relgate.adapters import ledgerkeys

    try:
        return [ledgerkeys.key_id(Path(name).read_bytes()) for name in files]
    except OSError as error:
        raise UsageError(f"--key: {error.filename} cannot be read ({error.strerror})") from error


def _head(text: str) -> Any:
    from relgate.auditor import Outside

    sequence, _, digest = text.partition(":")
    if not sequence.isdecimal() or len(digest) != 64:
        raise UsageError(f"--head: expected SEQUENCE:SHA256 as a run prints it, got {text!r}")
    return Outside("--head", int(sequence), digest)


def _heads_elsewhere(given: argparse.Namespace, book: Ledger) -> list[Any]:
    """Return the heads that are kept where the options say."""
    from relgate.auditor import Outside

    if given.git is None and given.s3 is None:
        return []
    first = next(book.newest(), None)
    if first is None:
        raise UsageError(f"{book.store.name}: an empty ledger has no id to look for elsewhere")
    found = []
    if given.git is not None:
        from relgate.adapters import ledgergit

        if given.git_key is None:
            raise UsageError("--git needs --git-key: the public SSH key that signs the tags")
        heads = ledgergit.heads(first.ledger, Path(given.git), Path(given.git_key))
        found += [Outside(f"git tag in {given.git}", sequence, digest) for sequence, digest in heads]
    if given.s3 is not None:
        from relgate.adapters import ledgers3

        bucket, _, prefix = given.s3.partition("/")
        place = ledgers3.Place(bucket, f"{prefix or 'relgate'}/{first.ledger}", given.s3_endpoint)
        found += [Outside(f"s3://{bucket}", sequence, digest) for sequence, digest in ledgers3.heads(place)]
    return found


def _export(given: argparse.Namespace) -> int:
    from relgate import export

    path = Path(given.output or f"relgate-audit-{given.since[:10]}-{given.until[:10]}.tar.gz")
    done = export.export(open_ledger(given), Path(given.reports), given.since, given.until, path)
    print(f"{done.path}: {done.records} records, {done.runs} runs; check it with the verify.sh in it")
    for run_id in done.absent:
        print(f"  run {run_id}: its folder is gone, so its evidence is not in the archive")
    return 0


def _gaps(given: argparse.Namespace) -> int:
    from relgate.audit.gaps import gaps

    book = open_ledger(given)
    chain = _read(book)
    if chain is None:
        return 30
    found = gaps(chain.records, given.env)
    for gap in found:
        print(f"{gap.kind}: record {gap.sequence}: {gap.text}")
    print(f"{book.store.name}: {len(found) or 'no'} gap{'s' * (len(found) != 1)} in {len(chain.records)} records")
    return EXIT_GAPS if found else 0


def _show(given: argparse.Namespace) -> int:
    from relgate.audit.gaps import trail

    book = open_ledger(given)
    chain = _read(book)
    if chain is None:
        return 30
    found = trail(chain.records, given.release)
    if found is None:
        print(f"{given.release}: no record of {book.store.name} is about it")
        return 4
    for step, texts in found.items():
        print(f"{step}:")
        for text in texts or ["NOTHING RECORDED"]:
            print(f"  {text}")
    return 0


def _events(given: argparse.Namespace) -> int:
    from relgate.audit.releases import events

    chain = _read(open_ledger(given))
    if chain is None:
        return 30
    for one in events(chain.records, _last_stage(given)):
        if given.env not in (None, one.environment):
            continue
        if given.json:
            print(json.dumps({"event": one.event, **asdict(one)}))
        else:
            print(f"{one.since} {one.event} {one.service} {one.version} in {one.environment}, record {one.record}")
    return 0


def _manifest(given: argparse.Namespace) -> int:
    from relgate.manifest import manifest

    chain = _read(open_ledger(given))
    if chain is None:
        return 30
    found = manifest(chain.records, Path(given.reports), given.version, _last_stage(given), given.env)
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 30 if found["missing"] else 0


def _read(book: Ledger) -> Chain | None:
    """Return the chain, None where it is broken: then that has been said."""
    chain = book.read()
    if chain.fault is None:
        return chain
    print(f"FAULT: {chain.fault}")
    return None


def _last_stage(given: argparse.Namespace) -> str:
    """Return the stage whose promotion ends a release, as the policy says."""
    from relgate.settings import read_policy

    return read_policy(Path(given.policy or "relgate.yaml"))[0].stages[-1].name


def _note(given: argparse.Namespace) -> int:
    body = {"release": facts(given.release), "actor": who(given.actor), "text": given.text}
    if given.step is not None:
        body["step"] = given.step
    book = open_ledger(given, writes=True)
    head = book.append(given.kind, time.time(), redacted(body))
    print(f"{given.kind} recorded: {book.store.name}, record {head.sequence}, sha256 {head.sha256}")
    return 0


def facts(pairs: list[str] | None) -> dict[str, str]:
    """Return the facts of ``KEY=VALUE`` options. Raises UsageError."""
    found = {}
    for pair in pairs or ():
        key, separator, value = pair.partition("=")
        if not separator or not key.strip() or not value.strip():
            raise UsageError(f"--release: expected KEY=VALUE like version=1.2.3, got {pair!r}")
        found[key.strip()] = value.strip()
    return found


def redacted(body: dict[str, Any], patterns: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a body without the secrets of this process, and without what looks like one."""
    from relgate.report.redact import Redactor
    from relgate.secrecy import process_secrets

    clean: dict[str, Any] = Redactor(process_secrets(), patterns).json(body)
    return clean


def who(name: str | None) -> dict[str, str]:
    """Return who acts: what the CI or the host says, and the name that was given."""
    from relgate.adapters.ledgeractor import actor

    found = actor()
    return found if name is None else {**found, "name": name, "says": found["name"]}


def _key_new(given: argparse.Namespace) -> int:
    from relgate.adapters import ledgerkeys

    made = ledgerkeys.new(Path(given.file))
    print(f"wrote {given.file} (mode 0600): keep it where only the pipeline reads it")
    print(f"id of its public half: {made.key}")
    print(f"in the policy: ledger: {{key: file:{given.file}}}")
    return 0


def _key_rotate(given: argparse.Namespace) -> int:
    from relgate import ledgers
    from relgate.adapters import ledgerkeys

    book = open_ledger(given, writes=True)
    old = ledgers.signer_of(given.old) if given.old is not None else book.signer
    if not isinstance(old, ledgerkeys.KeySigner):
        raise UsageError("the key in force is not known: pass --old KEY, or --policy with ledger: {key: ...}")
    new = ledgers.signer_of(given.new)
    if new.key == old.key:
        raise UsageError("both keys are the same")
    body = {"old": old.key, "new": new.key, "actor": who(None)}
    checked = type(book)(book.store, book.folder, None, ledgerkeys.verifier(book.folder))
    head = checked.append("key-rotation", time.time(), body, signers=(old, new))
    print(f"record {head.sequence}: {new.key} signs from here on. Name it in the policy, and destroy the old key")
    return 0
