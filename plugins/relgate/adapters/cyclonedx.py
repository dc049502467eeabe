"""CycloneDX documents, validated by cyclonedx-python-lib against the schemas that it brings. No network."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from relgate.errors import SourceError, UsageError
from relgate.ports.preflight import Sbom

if TYPE_CHECKING:
    from cyclonedx.schema import SchemaVersion

_MOST_FAULTS = 20
_NAMESPACE = "http://cyclonedx.org/schema/bom/"


def read(text: str) -> Sbom:
    """Read a document, JSON or XML.

    Raises:
        SourceError: it is neither, or of a version of CycloneDX that nobody here knows.
        UsageError: the library is not installed.

    """
    try:
        from cyclonedx.exception import MissingOptionalDependencyException
        from cyclonedx.validation.json import JsonStrictValidator
        from cyclonedx.validation.xml import XmlValidator
    except ImportError as error:
        raise UsageError("SBOMs need the library cyclonedx: pip install 'relgate[preflight]'") from error
    is_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
    sbom = _xml(text) if is_xml else _json(text)
    validator = (XmlValidator if is_xml else JsonStrictValidator)(_version(sbom.spec))
    try:
        found = validator.validate_str(text, all_errors=True) or ()
        faults = tuple(_told(one.data) for one in islice(found, _MOST_FAULTS))
    except MissingOptionalDependencyException as error:
        raise UsageError(f"SBOMs need more libraries: pip install 'relgate[preflight]' ({error})") from error
    return Sbom(sbom.spec, faults, sbom.subject, sbom.components)


def _version(spec: str) -> SchemaVersion:
    from cyclonedx.schema import SchemaVersion

    known = {one.to_version(): one for one in SchemaVersion}
    if spec not in known:
        raise SourceError(f"CycloneDX {spec!r} is not known here, only {', '.join(sorted(known))}: update the library")
    return known[spec]


def _json(text: str) -> Sbom:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"expected JSON or XML ({error})") from None
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise SourceError("expected a CycloneDX document: bomFormat is not CycloneDX")
    about = _of(_of(document, "metadata"), "component")
    listed = document.get("components")
    components = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = tuple(str(one.get("name", "")) for one in components if one.get("scope") != "excluded")
    subject = str(about.get("name", "")), str(about.get("version", ""))
    return Sbom(str(document.get("specVersion")), (), subject, names)


def _of(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _xml(text: str) -> Sbom:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise SourceError("a CycloneDX document has no document type: entities are not read")
    try:
        root = ET.fromstring(text.strip("\ufeff \t\r\n"))  # noqa: S314  entities are refused above
    except ET.ParseError as error:
        raise SourceError(f"expected JSON or XML ({error})") from None
    space, _, name = root.tag.removeprefix("{").rpartition("}")
    if name != "bom" or not space.startswith(_NAMESPACE):
        raise SourceError(f"expected a CycloneDX document, got {root.tag}")
    spaces = {"c": space}
    about = root.find("c:metadata/c:component", spaces)
    subject = tuple("" if about is None else about.findtext(f"c:{key}", "", spaces) for key in ("name", "version"))
    components = root.findall("c:components/c:component", spaces)
    names = tuple(
        one.findtext("c:name", "", spaces) for one in components if one.findtext("c:scope", "", spaces) != "excluded"
    )
    return Sbom(space.removeprefix(_NAMESPACE), (), (subject[0], subject[1]), names)


def _told(fault: Any) -> str:
    """Return one fault of either validator as a sentence with its place."""
    if hasattr(fault, "json_path"):
        return f"{fault.json_path}: {str(fault.message)[:300]}"
    return f"line {getattr(fault, 'line', 0)}: {str(getattr(fault, 'message', fault))[:300]}"
