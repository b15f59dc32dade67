"""Records as XML 1.0, under one schema for all processors; text that XML cannot hold comes as base64 of its UTF-8."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE = "urn:lethe:portability:1"
SCHEMA_PATH = "data/export.xsd"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_KEPT = {"\r": "&#13;"}  # a reader would make a line feed of it
_KEPT_IN_NAMES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}

SCHEMA = f"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{NAMESPACE}" targetNamespace="{NAMESPACE}"
           elementFormDefault="qualified">
  <xs:element name="export">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="collection" minOccurs="0" maxOccurs="unbounded">
          <xs:complexType>
            <xs:sequence>
              <xs:element name="record" minOccurs="0" maxOccurs="unbounded" type="object"/>
            </xs:sequence>
            <xs:attribute name="name" type="xs:string" use="required"/>
          </xs:complexType>
        </xs:element>
      </xs:sequence>
      <xs:attribute name="processor" type="xs:string" use="required"/>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="object">
    <xs:sequence><xs:element name="field" minOccurs="0" maxOccurs="unbounded" type="named"/></xs:sequence>
  </xs:complexType>
  <xs:complexType name="value" mixed="true">
    <xs:choice minOccurs="0" maxOccurs="unbounded">
      <xs:element name="field" type="named"/>
      <xs:element name="item" type="value"/>
    </xs:choice>
    <xs:attribute name="type" use="required">
      <xs:simpleType>
        <xs:restriction base="xs:string">
          <xs:enumeration value="text"/>
          <xs:enumeration value="base64"/>
          <xs:enumeration value="number"/>
          <xs:enumeration value="boolean"/>
          <xs:enumeration value="null"/>
          <xs:enumeration value="object"/>
          <xs:enumeration value="list"/>
        </xs:restriction>
      </xs:simpleType>
    </xs:attribute>
  </xs:complexType>
  <xs:complexType name="named" mixed="true">
    <xs:complexContent>
      <xs:extension base="value">
        <xs:attribute name="name" type="xs:string"/>
        <xs:attribute name="name64" type="xs:base64Binary"/>
      </xs:extension>
    </xs:complexContent>
  </xs:complexType>
</xs:schema>
"""


def head(processor_id: str) -> bytes:
    start = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{start}\n<export xmlns={quoteattr(NAMESPACE)} processor={quoteattr(processor_id)}>\n".encode()


def begin(collection: str) -> bytes:
    return f"<collection name={quoteattr(collection)}>\n".encode()


def records(bodies: Iterable[bytes]) -> bytes:
    """Records as they stand in a part."""
    return "".join(f"<record>{_fields(json.loads(body))}</record>\n" for body in bodies).encode()


END_COLLECTION = b"</collection>\n"
END = b"</export>\n"


def _fields(record: dict[str, object]) -> str:
    return "".join(_element(f"field {_name(name)}", "field", value) for name, value in record.items())


def _name(name: str) -> str:
    if _ILLEGAL.search(name):
        return f'name64="{_base64(name)}"'
    return f"name={quoteattr(name, _KEPT_IN_NAMES)}"


def _element(start: str, end: str, value: object) -> str:
    kind, content = _content(value)
    return f'<{start} type="{kind}">{content}</{end}>'


def _content(value: object) -> tuple[str, str]:
    if value is None:
        return "null", ""
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int | float):
        return "number", json.dumps(value)
    if isinstance(value, dict):
        return "object", _fields(value)
    if isinstance(value, list):
        return "list", "".join(_element("item", "item", v) for v in value)
    text = str(value)
    return ("base64", _base64(text)) if _ILLEGAL.search(text) else ("text", escape(text, _KEPT))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
