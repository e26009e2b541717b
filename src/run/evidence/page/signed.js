// ---- DER, certificates and signatures ----

// Reads values of DER one after the other, strictly: tags of one byte, the shortest lengths. What is
// not DER throws. Only the fields that are asked for are opened, so nothing can nest too deep.
class Der {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  // The next value. `body` is its content, `whole` has its tag and length too.
  next(tag = this.bytes[this.at]) {
    const { bytes, at: start } = this;
    if (this.left < 2 || bytes[start] !== tag || (tag & 31) === 31) throw new Error('it is not the DER that belongs there');
    let length = bytes[start + 1], from = start + 2;
    if (length >= 0x80) {
      const digits = bytes.subarray(from, from += length - 0x80);
      length = digits.reduce((number, digit) => number * 256 + digit, 0);
      if (digits.length > 3 || !digits[0] || length < 0x80) throw new Error('it has a length that DER does not have');
    }
    if (from + length > bytes.length) throw new Error('it is cut off');
    this.at = from + length;
    return { tag, body: bytes.subarray(from, this.at), whole: bytes.subarray(start, this.at) };
  }

  // The next value if it has this tag.
  optional(tag) {
    return this.bytes[this.at] === tag ? this.next(tag) : null;
  }

  // The values in the next one.
  inside(tag) {
    return new Der(this.next(tag).body);
  }

  // All values that are left.
  rest() {
    const values = [];
    while (this.left) values.push(this.next());
    return values;
  }

  end() {
    if (this.left) throw new Error('something follows it');
  }

  // The fields of the one value that these bytes are.
  static only(bytes, tag) {
    const outer = new Der(bytes), inner = outer.inside(tag);
    outer.end();
    return inner;
  }
}

const BOOLEAN = 1, INTEGER = 2, BITS = 3, OCTETS = 4, OID = 6, UTF8 = 12, UTC_TIME = 23, TIME = 24, BMP = 30, SEQUENCE = 48, SET = 49;
// Tags of fields that are known by their number: those that hold values, and those that are one.
const field = (number) => 0xa0 + number, plainField = (number) => 0x80 + number;

const SHA_256 = '2.16.840.1.101.3.4.2.1';
// The algorithms that trailseal accepts: RSA PKCS#1 v1.5 and ECDSA, with these.
const HASHES = { [SHA_256]: 'SHA-256', '2.16.840.1.101.3.4.2.2': 'SHA-384', '2.16.840.1.101.3.4.2.3': 'SHA-512' };
const RSA = '1.2.840.113549.1.1.1', EC = '1.2.840.10045.2.1';
// Names of curves, and the lengths of their numbers in bytes.
const CURVES = { '1.2.840.10045.3.1.7': ['P-256', 32], '1.3.132.0.34': ['P-384', 48], '1.3.132.0.35': ['P-521', 66] };
const SIGNED_DATA = '1.2.840.113549.1.7.2', DATA = '1.2.840.113549.1.7.1', TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3', MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const ESS_SHA_1 = '1.2.840.113549.1.9.16.2.12', ESS_ANY_HASH = '1.2.840.113549.1.9.16.2.47';
const KEY_ID = '2.5.29.14', KEY_USAGE = '2.5.29.15', EXTENDED_KEY_USAGE = '2.5.29.37', TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const NAMES = { '2.5.4.3': 'CN', '2.5.4.6': 'C', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.10': 'O', '2.5.4.11': 'OU', '1.2.840.113549.1.9.1': 'emailAddress' };

// An object identifier in its usual form, which only one encoding has.
function oid({ tag, body }) {
  const arcs = [];
  let arc = null;
  for (const byte of body) {
    if (arc === null && byte === 0x80) throw new Error('its object identifier is not the shortest');
    arc = (arc ?? 0) * 128 + (byte & 127);
    if (byte < 128) {
      arcs.push(arc);
      arc = null;
    }
  }
  if (tag !== OID || !arcs.length || arc !== null) throw new Error('it is no object identifier');
  const first = Math.min(Math.floor(arcs[0] / 40), 2);
  return [first, arcs[0] - first * 40, ...arcs.slice(1)].join('.');
}

// A time, as ISO 8601 has it, without a fraction of a second.
function timeOf({ tag, body }) {
  const [, century, year, month, day, hour, minute, second] = text(body)
    .match(tag === TIME ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/ : /^()(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/) || [];
  const time = `${century || (year < '50' ? '20' : '19')}${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  if (![TIME, UTC_TIME].includes(tag) || Number.isNaN(seconds(time))) throw new Error('it states no time');
  return time;
}

// A name in a certificate: what it says is its own word.
function nameOf(name) {
  const parts = [];
  for (const { body } of new Der(name.body).rest()) {
    for (const pair of new Der(body).rest()) {
      const fields = new Der(pair.body), kind = oid(fields.next(OID)), { tag, body: value } = fields.next();
      const encoding = { [UTF8]: 'utf-8', [BMP]: 'utf-16be' }[tag] ?? 'latin1';
      parts.push(`${NAMES[kind] ?? kind}=${new TextDecoder(encoding).decode(value)}`);
    }
  }
  return parts.join(', ');
}

// A certificate (RFC 5280): the fields that are looked at here.
function readCertificate(whole) {
  const certificate = Der.only(whole, SEQUENCE), fields = certificate.inside(SEQUENCE);
  certificate.next(SEQUENCE);
  certificate.next(BITS);
  certificate.end();
  const version = fields.optional(field(0));
  const serial = fields.next(INTEGER).body;
  fields.next(SEQUENCE);
  const issuer = fields.next(SEQUENCE), validity = fields.inside(SEQUENCE);
  const [from, to] = [timeOf(validity.next()), timeOf(validity.next())];
  const subject = fields.next(SEQUENCE), key = fields.next(SEQUENCE).whole;
  fields.optional(plainField(1));
  fields.optional(plainField(2));
  const box = fields.optional(field(3)), extensions = new Map();
  fields.end();
  for (const { body } of box ? Der.only(box.body, SEQUENCE).rest() : []) {
    const extension = new Der(body), kind = oid(extension.next(OID));
    const critical = extension.optional(BOOLEAN)?.body[0] === 255;
    if (extensions.has(kind)) throw new Error('a certificate has an extension twice');
    extensions.set(kind, { critical, value: extension.next(OCTETS).body });
    extension.end();
  }
  return { whole, version: version?.body[2] ?? 0, serial, issuer, from, to, subject, key, extensions };
}

// Whether a certificate is the first one of a PEM file.
function isFirstOf(pem, { whole }) {
  const [, body] = text(pem).match(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/) || [];
  return attempt(() => same(fromBase64(body.replace(/\s/g, '')), whole), false);
}

// RFC 3161, 2.3: for time-stamping, critically, and for nothing else.
function stampsTime({ extensions }) {
  const purposes = extensions.get(EXTENDED_KEY_USAGE), usage = extensions.get(KEY_USAGE);
  if (!purposes?.critical || Der.only(purposes.value, SEQUENCE).rest().map(oid).join() !== TIME_STAMPING) return false;
  if (!usage) return true;
  // Bits for digital signatures and non-repudiation, and no other.
  const [, first, ...more] = new Der(usage.value).next(BITS).body;
  return (first & 0xc0) !== 0 && (first & 0x3f) === 0 && more.every((bits) => bits === 0);
}

// An ECDSA signature as WebCrypto takes it: two numbers of one length, without DER.
function rawSignature(signature, length) {
  const pair = Der.only(signature, SEQUENCE), raw = new Uint8Array(2 * length);
  for (const end of [length, 2 * length]) {
    let { body: number } = pair.next(INTEGER);
    if (number[0] === 0 && number[1] >= 0x80) number = number.subarray(1);
    else if (!number.length || number[0] === 0 || number[0] >= 0x80) throw new Error('it holds no positive number');
    if (number.length > length) throw new Error('its number is too large');
    raw.set(number, end - number.length);
  }
  pair.end();
  return raw;
}

// Whether a signature over a message is by the key of a certificate.
async function isBy({ key }, hash, signature, message) {
  const info = Der.only(key, SEQUENCE), algorithm = info.inside(SEQUENCE), kind = oid(algorithm.next(OID));
  try {
    if (kind === RSA) {
      const rsa = await crypto.subtle.importKey('spki', key, { name: 'RSASSA-PKCS1-v1_5', hash }, false, ['verify']);
      const { modulusLength } = rsa.algorithm;
      return modulusLength >= 2048 && modulusLength <= 8192 && await crypto.subtle.verify(rsa.algorithm, rsa, signature, message);
    }
    const [namedCurve, length] = kind === EC ? CURVES[oid(algorithm.next(OID))] : [];
    const ec = await crypto.subtle.importKey('spki', key, { name: 'ECDSA', namedCurve }, false, ['verify']);
    return await crypto.subtle.verify({ name: 'ECDSA', hash }, ec, rawSignature(signature, length), message);
  } catch {
    return false;
  }
}

// Reads CMS (RFC 5652) and checks its one signature, by a certificate that it carries, over content of
// a type: what is given, else what it carries. Throws where it does not fit.
async function readSigned(bytes, type, content = null) {
  const box = Der.only(bytes, SEQUENCE), kind = oid(box.next(OID)), data = Der.only(box.next(field(0)).body, SEQUENCE);
  box.end();
  if (kind !== SIGNED_DATA) throw new Error('it is not signed');
  data.next(INTEGER);
  data.next(SET);
  const inner = data.inside(SEQUENCE), innerType = oid(inner.next(OID)), carried = inner.optional(field(0));
  inner.end();
  const certificates = new Der(data.optional(field(0))?.body ?? new Uint8Array()).rest()
    .filter(({ tag }) => tag === SEQUENCE).map(({ whole }) => readCertificate(whole));
  data.optional(field(1));
  const signers = data.inside(SET), signer = signers.inside(SEQUENCE);
  data.end();
  signers.end();

  signer.next(INTEGER);
  const named = signer.next(), digest = HASHES[oid(signer.inside(SEQUENCE).next(OID))];
  const attributes = signer.next(field(0));
  signer.next(SEQUENCE);
  const signature = signer.next(OCTETS).body;
  signer.optional(field(1));
  signer.end();
  if (!digest) throw new Error('its hash algorithm is not accepted');
  const certificate = certificates.find((one) => isNamed(named, one));
  if (certificate?.version !== 2) throw new Error("it does not carry its signer's certificate");

  const values = new Map();
  for (const { tag, body } of new Der(attributes.body).rest()) {
    const attribute = new Der(body), name = oid(attribute.next(OID)), set = attribute.inside(SET);
    if (tag !== SEQUENCE || values.has(name)) throw new Error('it has an attribute twice');
    values.set(name, set.rest());
    attribute.end();
  }
  const one = (name) => {
    const [value, ...more] = values.get(name) ?? [];
    if (!value || more.length) throw new Error('an attribute is missing, or has several values');
    return value;
  };
  if (Boolean(content) === Boolean(carried)) throw new Error('it carries content of its own, or none');
  const signed = content ?? Der.only(carried.body, OCTETS).bytes;
  if (innerType !== type || oid(one(CONTENT_TYPE)) !== type) throw new Error('it is over content of another type');
  const stated = one(MESSAGE_DIGEST);
  if (stated.tag !== OCTETS || !same(stated.body, await crypto.subtle.digest(digest, signed))) throw new Error('it is over other content');
  // Signed are the attributes, as the set that they are.
  const message = attributes.whole.slice();
  message[0] = SET;
  if (!await isBy(certificate, digest, signature, message)) throw new Error("it is not by its certificate's key");
  return { certificate, attributes: values, one, content: signed };
}

// Whether a signature names this certificate as its own, by issuer and number or by the key's name.
function isNamed({ tag, body }, { issuer, serial, extensions }) {
  if (tag === plainField(0)) {
    const id = extensions.get(KEY_ID);
    return id !== undefined && same(new Der(id.value).next(OCTETS).body, body);
  }
  const fields = new Der(body);
  return tag === SEQUENCE && same(fields.next(SEQUENCE).whole, issuer.whole) && same(fields.next(INTEGER).body, serial);
}

// ---- time-stamps ----

// The time-stamp in an authority's response (RFC 3161), whose signature fits.
async function readTimeStamp(response) {
  const fields = Der.only(response, SEQUENCE), status = fields.inside(SEQUENCE).next(INTEGER).body;
  const token = fields.next(SEQUENCE).whole;
  fields.end();
  if (status.length !== 1 || status[0] > 1) throw new Error('the authority did not grant it');
  const { content, ...signed } = await readSigned(token, TST_INFO);
  const info = Der.only(content, SEQUENCE);
  info.next(INTEGER);
  info.next(OID);
  const imprint = info.inside(SEQUENCE), hash = oid(imprint.inside(SEQUENCE).next(OID)), over = imprint.next(OCTETS).body;
  info.next(INTEGER);
  return { ...signed, hash, over, time: timeOf(info.next(TIME)) };
}

// Whether a time-stamp names the certificate that signed it, and no other (RFC 5035, RFC 5816).
async function namesItsSigner({ certificate, attributes, one }) {
  let some = false;
  for (const kind of [ESS_SHA_1, ESS_ANY_HASH].filter((kind) => attributes.has(kind))) {
    const id = new Der(one(kind).body).inside(SEQUENCE).inside(SEQUENCE);
    let hash = kind === ESS_SHA_1 ? 'SHA-1' : 'SHA-256';
    const algorithm = hash === 'SHA-256' && id.optional(SEQUENCE);
    if (algorithm) hash = HASHES[oid(new Der(algorithm.body).next(OID))];
    if (!hash || !same(id.next(OCTETS).body, await crypto.subtle.digest(hash, certificate.whole))) return false;
    some = true;
  }
  return some;
}
