"""Writes the fixtures of this directory. See README.md; the keys are made anew and thrown away."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import random
import sys
import tempfile

import jwt
import saml2
import signxml
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree
from saml2 import samlp, sigver, xmldsig as ds

HERE = pathlib.Path(__file__).parent
DS = "http://www.w3.org/2000/09/xmldsig#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
RSA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ISSUER = "https://idp.example.com/metadata"
SIGN_IN = "https://signin.aws.amazon.com/saml"


def certificate(key, name):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2126, 1, 1))
    return builder.sign(key, hashes.SHA256())


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def der64(cert):
    return base64.b64encode(cert.public_bytes(serialization.Encoding.DER)).decode()


RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ATTACKER = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
RSA_CERT, P256_CERT, P384_CERT = (certificate(k, n) for k, n in ((RSA, "rsa"), (P256, "p256"), (P384, "p384")))
ATTACKER_CERT, SMALL_CERT = certificate(ATTACKER, "attacker"), certificate(SMALL, "small")


def write(name, content):
    data = content if isinstance(content, bytes) else content.encode()
    (HERE / name).write_bytes(data)


def metadata(certs, extra=""):
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>\n'
        + "\n".join(der64(c)[i : i + 64] for i in range(0, len(der64(c)), 64))
        + "\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for c in certs
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- written by hand -->\n'
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}" '
        f'validUntil="2126-01-01T00:00:00Z"><md:IDPSSODescriptor WantAuthnRequestsSigned="true" '
        f'protocolSupportEnumeration="{SAMLP}">{keys}{extra}'
        f'<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        f'Location="https://idp.example.com/slo"/>'
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        f'Location="https://idp.example.com/sso?a=1&amp;b=2"/>'
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
        f'Location="https://idp.example.com/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>\n'
    )


CONFIRMATION = (
    '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
    f'InResponseTo="_request" NotOnOrAfter="2026-11-22T10:05:00Z" Recipient="{SIGN_IN}"/></saml:SubjectConfirmation>'
)
CONDITIONS = (
    '<saml:Conditions NotBefore="2026-11-22T09:59:00Z" NotOnOrAfter="2026-11-22T10:05:00Z"><saml:AudienceRestriction>'
    "<saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
)
NAME_ID = (
    '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice@example.com</saml:NameID>'
)
AWS = "https://aws.amazon.com/SAML/Attributes/"
ROLE, PROVIDER = "arn:aws:iam::123456789012:role/team/Admin", "arn:aws:iam::123456789012:saml-provider/Example"


def attribute(name, *values):
    inner = "".join(f'<saml:AttributeValue xsi:type="xs:string">{v}</saml:AttributeValue>' for v in values)
    return f'<saml:Attribute Name="{name}">{inner}</saml:Attribute>'


ATTRIBUTES = (
    '<saml:AttributeStatement xmlns:xs="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    + attribute(AWS + "Role", f"{ROLE},{PROVIDER}", f"{PROVIDER}, arn:aws:iam::123456789012:role/Reader")
    + attribute(AWS + "RoleSessionName", "alice@example.com")
    + attribute(AWS + "SessionDuration", "7200")
    + attribute(AWS + "PrincipalTag:Team", "R&amp;D &lt;\u00e9\U0001f600&gt;")
    + attribute(AWS + "TransitiveTagKeys", "Team")
    + attribute(AWS + "SourceIdentity", "alice")
    + attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "staff", "member")
    + "</saml:AttributeStatement>"
)


def assertion(
    name_id=NAME_ID, confirmation=CONFIRMATION, conditions=CONDITIONS, attributes=ATTRIBUTES, issuer=ISSUER, id="_assertion"
):
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" ID="{id}" IssueInstant="2026-11-22T10:00:00Z" Version="2.0">'
        f"<saml:Issuer>{issuer}</saml:Issuer><saml:Subject>{name_id}{confirmation}</saml:Subject>{conditions}"
        '<saml:AuthnStatement AuthnInstant="2026-11-22T10:00:00Z" SessionIndex="_session" '
        'SessionNotOnOrAfter="2026-11-22T18:00:00Z"><saml:AuthnContext><saml:AuthnContextClassRef>'
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>"
        f"</saml:AuthnStatement>{attributes}</saml:Assertion>"
    )


def response(inner=None, destination=f' Destination="{SIGN_IN}"', issuer=ISSUER, status="Success"):
    inner = assertion() if inner is None else inner
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:unused="urn:unused" ID="_response" '
        f'InResponseTo="_request" IssueInstant="2026-11-22T10:00:00Z" Version="2.0"{destination}>\n  '
        f'<saml2:Issuer xmlns:saml2="{SAML}">{issuer}</saml2:Issuer>\n  <samlp:Status>'
        f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>\n  {inner}\n'
        "</samlp:Response>"
    )


def element(root, id):
    return root if root.get("ID") == id else root.xpath(f"//*[@ID='{id}']")[0]


def after_issuer(target, signature):
    target.insert(1, signature)


def with_xmlsec(text, id, key, cert, method, prefixes=None, uri=None, digest=xmlsec.Transform.SHA256):
    """Signs with libxmlsec1 through python-xmlsec."""
    root = etree.fromstring(text)
    target = element(root, id)
    node = xmlsec.template.create(root, xmlsec.Transform.EXCL_C14N, method, ns="ds")
    after_issuer(target, node)
    reference = xmlsec.template.add_reference(node, digest, uri=f"#{id}" if uri is None else uri)
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    transform = xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    if prefixes:
        etree.SubElement(transform, f"{{{EXC}}}InclusiveNamespaces", PrefixList=prefixes, nsmap={"ec": EXC})
    info = xmlsec.template.ensure_key_info(node)
    xmlsec.template.add_x509_data(info)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem(key), xmlsec.KeyFormat.PEM)
    context.key.load_cert_from_memory(cert.public_bytes(serialization.Encoding.PEM), xmlsec.KeyFormat.PEM)
    for identified in root.xpath("//*[@ID]"):
        context.register_id(identified, "ID")
    context.sign(node)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def with_signxml(text, key, cert, method, digest):
    """Signs the assertion with signxml."""
    root = etree.fromstring(text)
    target = element(root, "_assertion")
    placeholder = etree.Element(f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
    after_issuer(target, placeholder)
    signer = signxml.XMLSigner(
        method=signxml.methods.enveloped, signature_algorithm=method, digest_algorithm=digest, c14n_algorithm=EXC
    )
    alone = etree.fromstring(etree.tostring(target))
    signed = signer.sign(alone, key=pem(key), cert=[cert], reference_uri="_assertion")
    target.getparent().replace(target, signed)
    return etree.tostring(root)


def with_pysaml2(id):
    """Signs with pysaml2, which writes the document its own way and calls the command xmlsec1."""
    message = samlp.response_from_string(response())
    signed = message if id == "_response" else message.assertion[0]
    cert = der64(RSA_CERT)
    signed.signature = sigver.pre_signature_part(id, cert, sign_alg=ds.SIG_RSA_SHA256, digest_alg=ds.DIGEST_SHA256)
    backend = sigver.CryptoBackendXmlSec1(sigver.get_xmlsec_binary())
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem(RSA))
        file.flush()
        return backend.sign_statement(message.to_string().decode(), saml2.class_name(signed), file.name, id)


def canonical(node, exclusive=True, comments=False, prefixes=None):
    return etree.tostring(
        node, method="c14n", exclusive=exclusive, with_comments=comments, inclusive_ns_prefixes=prefixes
    )


def transform(uri, inner=""):
    return f'<ds:Transform Algorithm="{uri}">{inner}</ds:Transform>'


def with_lxml(
    text, id="_assertion", key=RSA, cert=RSA_CERT, uri=None, transforms=None, method=RSA256, digest_method=SHA256,
    digest_hash="sha256", canonicalization=EXC, extra_reference="", object_="", sign=None, digested=None, method_inner="",
):
    """Signs with lxml and cryptography, so that every part of SignedInfo can be bent."""
    root = etree.fromstring(text)
    target = element(root, id)
    transforms = transform(ENVELOPED) + transform(EXC) if transforms is None else transforms
    alone = etree.fromstring(etree.tostring(target if digested is None else element(root, digested)))
    digest = base64.b64encode(hashlib.new(digest_hash, canonical(alone)).digest()).decode()
    uri_attribute = f' URI="#{id}"' if uri is None else uri
    block = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    info = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{canonicalization}"/>'
        f'<ds:SignatureMethod Algorithm="{method}">{method_inner}</ds:SignatureMethod>'
        f'<ds:Reference{uri_attribute}>{block}<ds:DigestMethod Algorithm="{digest_method}"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{extra_reference}</ds:SignedInfo>"
    )
    node = etree.fromstring(
        f'<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{der64(cert)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{object_}</ds:Signature>"
    )
    message = canonical(etree.fromstring(etree.tostring(node[0])))
    value = sign(message) if sign else key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    node[1].text = base64.b64encode(value).decode()
    after_issuer(target, node)
    return etree.tostring(root)


def write_good():
    t = xmlsec.Transform
    write("good-assertion-rsa-sha256.xml", with_xmlsec(response(), "_assertion", RSA, RSA_CERT, t.RSA_SHA256))
    write("good-response-rsa-sha256.xml", with_xmlsec(response(), "_response", RSA, RSA_CERT, t.RSA_SHA256))
    once = with_xmlsec(response(), "_assertion", RSA, RSA_CERT, t.RSA_SHA256)
    write("good-both-rsa-sha256.xml", with_xmlsec(once, "_response", RSA, RSA_CERT, t.RSA_SHA256))
    write("good-response-empty-uri.xml", with_xmlsec(response(), "_response", RSA, RSA_CERT, t.RSA_SHA256, uri=""))
    write("good-assertion-rsa-sha384.xml", with_xmlsec(response(), "_assertion", RSA, RSA_CERT, t.RSA_SHA384, digest=t.SHA384))
    write("good-assertion-rsa-sha512.xml", with_xmlsec(response(), "_assertion", RSA, RSA_CERT, t.RSA_SHA512, digest=t.SHA512))
    write("good-assertion-ec-p256.xml", with_xmlsec(response(), "_assertion", P256, P256_CERT, t.ECDSA_SHA256))
    write("good-response-ec-p384-sha384.xml", with_xmlsec(response(), "_response", P384, P384_CERT, t.ECDSA_SHA384))
    write("good-assertion-ec-p384-sha256.xml", with_xmlsec(response(), "_assertion", P384, P384_CERT, t.ECDSA_SHA256))
    write("good-assertion-ec-p256-sha384.xml", with_xmlsec(response(), "_assertion", P256, P256_CERT, t.ECDSA_SHA384))
    write(
        "good-assertion-inclusive-namespaces.xml",
        with_xmlsec(response(), "_assertion", RSA, RSA_CERT, t.RSA_SHA256, prefixes="xs unused absent #default"),
    )
    write(
        "good-response-inclusive-namespaces.xml",
        with_xmlsec(response(), "_response", RSA, RSA_CERT, t.RSA_SHA256, prefixes="unused xsi saml"),
    )
    # lxml cannot pass #default on, so this token is compared through libxmlsec1 only.
    outer = response().replace("xmlns:unused=", 'xmlns="urn:default" xmlns:unused=')
    for id in ("_response", "_assertion"):
        signed = with_xmlsec(outer, id, RSA, RSA_CERT, t.RSA_SHA256, prefixes="#default unused")
        write(f"good-default-namespace-listed{id}.xml", signed)
    write("good-assertion-pysaml2.xml", with_pysaml2("_assertion"))
    write("good-response-pysaml2.xml", with_pysaml2("_response"))
    write("good-assertion-signxml-rsa.xml", with_signxml(response(), RSA, RSA_CERT, "rsa-sha256", "sha256"))
    write("good-assertion-signxml-ec.xml", with_signxml(response(), P256, P256_CERT, "ecdsa-sha256", "sha256"))
    write("good-assertion-lxml.xml", with_lxml(response()))
    late = [part.replace("10:05:00", "11:00:00") for part in (CONFIRMATION, CONDITIONS)]
    write("good-long-lived.xml", with_lxml(response(assertion(confirmation=late[0], conditions=late[1]))))
    default = response().replace("saml:", "").replace("xmlns:saml=", "xmlns=").replace("&lt;", "<![CDATA[<]]>")
    default = default.replace("staff", "sta&#x66;f&#13;&#10;\ttab").replace('SessionIndex="_session"', 'SessionIndex="&#9;&quot;\n\'&lt;&#10;"')
    default = default.replace("<AttributeStatement", "<!-- a comment between elements --><AttributeStatement")
    signed = with_xmlsec(default.replace("\n", "\r\n"), "_assertion", RSA, RSA_CERT, t.RSA_SHA256)
    write("good-assertion-odd-characters.xml", signed.replace(b"\n", b"\r\n"))


def write_bad():
    two = CONFIRMATION + CONFIRMATION
    other = CONDITIONS.replace("urn:amazon:webservices", "urn:other")
    bent = {
        "two-confirmations": assertion(confirmation=two),
        "no-confirmation": assertion(confirmation=""),
        "holder-of-key": assertion(confirmation=CONFIRMATION.replace("cm:bearer", "cm:holder-of-key")),
        "no-recipient": assertion(confirmation=CONFIRMATION.replace(f' Recipient="{SIGN_IN}"', "")),
        "no-confirmation-end": assertion(confirmation=CONFIRMATION.replace(' NotOnOrAfter="2026-11-22T10:05:00Z"', "")),
        "other-recipient": assertion(confirmation=CONFIRMATION.replace(SIGN_IN, "https://evil.example/saml")),
        "other-audience": assertion(conditions=other),
        "second-audience-restriction": assertion(
            conditions=CONDITIONS.replace("</saml:Conditions>", other[other.index("<saml:Aud") :])
        ),
        "no-audience": assertion(conditions=CONDITIONS[: CONDITIONS.index("<saml:Aud")] + "</saml:Conditions>"),
        "no-conditions": assertion(conditions=""),
        "unknown-condition": assertion(conditions=CONDITIONS.replace("<saml:Aud", "<saml:Condition/><saml:Aud", 1)),
        "other-issuer": assertion(issuer="https://evil.example/metadata"),
        "no-name-id": assertion(name_id=""),
        "empty-name-id": assertion(name_id="<saml:NameID> </saml:NameID>"),
        "name-id-with-element": assertion(name_id="<saml:NameID>alice<x/></saml:NameID>"),
        "encrypted-id": assertion(name_id="<saml:EncryptedID/>"),
        "bad-time": assertion(conditions=CONDITIONS.replace("2026-11-22T10:05:00Z", "tomorrow")),
        "conditions-expired": assertion(conditions=CONDITIONS.replace("10:05:00", "10:00:30")),
        "confirmation-expired": assertion(confirmation=CONFIRMATION.replace("10:05:00", "10:00:30")),
        "not-yet-valid": assertion(conditions=CONDITIONS.replace("09:59:00", "10:04:30")),
        "session-over": assertion().replace("T18:00:00Z", "T10:00:30Z"),
        "version-1": assertion().replace('Version="2.0"', 'Version="1.1"'),
    }
    for name, inner in bent.items():
        write(f"bad-{name}.xml", with_lxml(response(inner)))
    write("bad-other-destination.xml", with_lxml(response(destination=' Destination="https://evil.example/"')))
    write("bad-no-destination.xml", with_lxml(response(destination=""), id="_response"))
    write("bad-other-response-issuer.xml", with_lxml(response(issuer="https://evil.example/metadata")))
    write("bad-status.xml", response("", status="Responder"))
    write("bad-encrypted-assertion.xml", response(f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>'))
    two = with_lxml(response(assertion() + assertion(id="_second")), id="_response")
    write("bad-two-assertions.xml", two)
    write("bad-unsigned-second-assertion.xml", with_lxml(response(assertion() + assertion(id="_second"))))
    write_bad_signatures()



def write_bad_signatures():
    t = xmlsec.Transform
    base = response()
    write("bad-sha1-signature.xml", with_xmlsec(base, "_assertion", RSA, RSA_CERT, t.RSA_SHA1))
    write("bad-sha1-digest.xml", with_xmlsec(base, "_assertion", RSA, RSA_CERT, t.RSA_SHA256, digest=t.SHA1))
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    sign = lambda message: hmac.new(public, message, "sha256").digest()
    write("bad-hmac-with-public-key.xml", with_lxml(base, method=mac, sign=sign))
    write("bad-attacker-key.xml", with_xmlsec(base, "_assertion", ATTACKER, ATTACKER_CERT, t.RSA_SHA256))
    write("bad-attacker-key-own-certificate.xml", with_lxml(base, key=ATTACKER, cert=RSA_CERT))
    write("bad-ec-method-with-rsa-key.xml", with_lxml(base, method=RSA256.replace("rsa", "ecdsa")))
    write("bad-hmac-output-length.xml", with_lxml(base, method_inner="<ds:HMACOutputLength>8</ds:HMACOutputLength>"))
    xpath = transform(
        "http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>"
    )
    xslt = transform(
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"/>',
    )
    both = transform(ENVELOPED) + transform(EXC)
    write("bad-xpath-transform.xml", with_lxml(base, transforms=xpath + transform(EXC)))
    write("bad-xslt-transform.xml", with_lxml(base, transforms=both + xslt))
    write("bad-base64-transform.xml", with_lxml(base, transforms=both + transform(DS + "base64")))
    write("bad-no-transforms.xml", with_lxml(base, transforms=""))
    write("bad-enveloped-only.xml", with_lxml(base, transforms=transform(ENVELOPED)))
    inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    write("bad-inclusive-transform.xml", with_lxml(base, transforms=transform(ENVELOPED) + transform(inclusive)))
    write("bad-inclusive-method.xml", with_lxml(base, canonicalization=inclusive))
    comments = transform(ENVELOPED) + transform(EXC + "WithComments")
    write("bad-transform-with-comments.xml", with_lxml(base, transforms=comments))
    write("bad-external-uri.xml", with_lxml(base, uri=' URI="https://evil.example/x.xml"'))
    write("bad-file-uri.xml", with_lxml(base, uri=' URI="file:///etc/hostname"'))
    write("bad-xpointer-uri.xml", with_lxml(base, uri=" URI=\"#xpointer(id('_assertion'))\""))
    write("bad-no-uri.xml", with_lxml(base, uri=""))
    write("bad-empty-uri-in-assertion.xml", with_lxml(base, uri=' URI=""'))
    write("bad-reference-elsewhere.xml", with_lxml(base, uri=' URI="#_response"'))
    second = (
        f'<ds:Reference URI="#_response"><ds:Transforms>{both}</ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"/>'
        "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"
    )
    write("bad-two-references.xml", with_lxml(base, extra_reference=second))
    write("bad-object-in-signature.xml", with_lxml(base, object_="<ds:Object/>"))


def write_canonical_cases():
    randomness = random.Random(7)
    cases = []
    fixed = [
        '<a xmlns="urn:a" xmlns:b="urn:b"><b:c xmlns=""><d/></b:c><e b:z="1" a="2" b:a="3"/></a>',
        '<a><b xmlns="urn:x"><c xmlns=""><d xmlns="urn:x"/></c></b></a>',
        '<p:a xmlns:p="urn:1"><p:a xmlns:p="urn:2"><p:a xmlns:p="urn:1"/></p:a></p:a>',
        '<a b="&lt;&amp;&quot;&#9;&#10;&#13;\' &gt;">&lt;&gt;&amp;&#13;"\'<![CDATA[<&>]]></a>',
        '<a xml:lang="en" xml:space="preserve" z="1">  <b xml:id="i"/>\n</a>',
        "<a>\n<!-- comment --><b/><!-- another --></a>",
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a\n  z = "1"\n  b=\'2"3\' ></a >\n<!-- end -->\n',
        '<a xmlns:z="urn:z" xmlns:y="urn:y" xmlns:x="urn:z" z:k="1" y:k="2"><x:b z:k="1"/></a>',
        "<\u00e9l\u00e9ment \u00e0=\"\U0001f600\">\u2028\u0085</\u00e9l\u00e9ment>",
    ]

    def random_element(depth, scope):
        scope = dict(scope)
        parts = []
        for prefix in ("", "p", "q", "r"):
            if randomness.random() < 0.35:
                uri = randomness.choice(["urn:1", "urn:2", "urn:3"])
                if prefix == "" and randomness.random() < 0.4:
                    uri = ""
                scope[prefix] = uri
                parts.append(f'xmlns{":" if prefix else ""}{prefix}="{uri}"')
        prefixes = [p for p in scope if p]
        used = set()
        for name in ("k", "l", "m"):
            if randomness.random() < 0.4:
                prefix = randomness.choice(prefixes + [""])
                key = (scope[prefix] if prefix else "", name)
                if key not in used:
                    used.add(key)
                    parts.append(f'{prefix + ":" if prefix else ""}{name}="{randomness.choice(["1", "&amp;", "a b"])}"')
        randomness.shuffle(parts)
        prefix = randomness.choice(prefixes + [""])
        name = (prefix + ":" if prefix else "") + randomness.choice("abc")
        children = "" if depth == 0 else "".join(
            randomness.choice([lambda: random_element(depth - 1, scope), lambda: "text &gt; ", lambda: "<!-- c -->" * 0])()
            for _ in range(randomness.randrange(4))
        )
        return f"<{name} {' '.join(parts)}>{children}</{name}>"

    texts = fixed + [random_element(4, {}) for _ in range(150)]
    for text in texts:
        root = etree.fromstring(text.encode())
        for prefixes in ([], ["p", "r"], ["q"]):
            cases.append(
                {"xml": text, "prefixes": prefixes, "canonical": canonical(root, prefixes=prefixes or None).decode()}
            )
    write("canonical.json", json.dumps(cases, indent=0))


def write_tokens():
    ed = ed25519.Ed25519PrivateKey.generate()
    keys = {"rsa": RSA, "p256": P256, "p384": P384, "ed": ed}
    algorithms = {
        "RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
        "ES256": "p256", "ES384": "p384", "EdDSA": "ed",
    }
    makers = {"rsa": jwt.algorithms.RSAAlgorithm, "p256": jwt.algorithms.ECAlgorithm, "p384": jwt.algorithms.ECAlgorithm, "ed": jwt.algorithms.OKPAlgorithm}
    jwks = []
    for kid, key in keys.items():
        jwk = makers[kid].to_jwk(key.public_key(), as_dict=True)
        jwks.append({**{k: v for k, v in jwk.items() if k != "key_ops"}, "kid": kid, "use": "sig"})
    claims = {
        "iss": "https://token.example.com", "aud": "sts.amazonaws.com", "sub": "repo:org/app:ref:refs/heads/main",
        "iat": 1795341600, "nbf": 1795341600, "exp": 1795342500, "custom": {"nested": [1, 2]},
    }
    tokens = {a: jwt.encode(claims, keys[k], a, headers={"kid": k}) for a, k in algorithms.items()}
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    encode = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=")
    body = encode(json.dumps(claims).encode())
    for name, secret in (("HS256-pem", public), ("HS256-modulus", base64.urlsafe_b64decode(jwks[0]["n"] + "=="))):
        start = encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa"}') + b"." + body
        tokens[name] = (start + b"." + encode(hmac.new(secret, start, "sha256").digest())).decode()
    tokens["attacker"] = jwt.encode(claims, ATTACKER, "RS256", headers={"kid": "rsa"})
    own = jwt.algorithms.RSAAlgorithm.to_jwk(ATTACKER.public_key(), as_dict=True)
    tokens["attacker-jwk"] = jwt.encode(claims, ATTACKER, "RS256", headers={"kid": "rsa", "jwk": own})
    tokens["attacker-jku"] = jwt.encode(
        claims, ATTACKER, "RS256", headers={"kid": "rsa", "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x"}
    )
    tokens["ignored-jku"] = jwt.encode(claims, RSA, "RS256", headers={"kid": "rsa", "jku": "https://evil.example/jwks"})
    tokens["wrong-kid"] = jwt.encode(claims, RSA, "RS256", headers={"kid": "p256"})
    tokens["unknown-kid"] = jwt.encode(claims, RSA, "RS256", headers={"kid": "nobody"})
    tokens["crit"] = jwt.encode(claims, RSA, "RS256", headers={"kid": "rsa", "crit": ["x"], "x": 1})
    variants = {
        "no-exp": {k: v for k, v in claims.items() if k != "exp"},
        "no-sub": {k: v for k, v in claims.items() if k != "sub"},
        "string-exp": {**claims, "exp": "1795342500"},
        "huge-exp": {**claims, "exp": 1e300},
        "many-audiences": {**claims, "aud": ["other", "sts.amazonaws.com"]},
        "azp": {**claims, "aud": ["sts.amazonaws.com", "other"], "azp": "other"},
        "other-audience": {**claims, "aud": "other"},
        "other-issuer": {**claims, "iss": "https://token.example.com/"},
        "number-audience": {**claims, "aud": 5},
        "future": {**claims, "nbf": 1795342000, "iat": 1795342000},
    }
    for name, varied in variants.items():
        start = encode(b'{"alg":"ES256","typ":"JWT","kid":"p256"}') + b"." + encode(json.dumps(varied).encode())
        r, s = decode_dss_signature(P256.sign(start, ec.ECDSA(hashes.SHA256())))
        tokens[name] = (start + b"." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).decode()
    write("tokens.json", json.dumps({"jwks": {"keys": jwks}, "tokens": tokens}, indent=1))


def main():
    write("metadata.xml", metadata([RSA_CERT, P256_CERT, P384_CERT]))
    write("metadata-attacker.xml", metadata([ATTACKER_CERT]))
    write("metadata-rsa-1024.xml", metadata([SMALL_CERT]))
    write_good()
    write_bad()
    write_canonical_cases()
    write_tokens()


if __name__ == "__main__":
    sys.exit(main())
