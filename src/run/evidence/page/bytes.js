// Checks an evidence bag in the browser. Nothing leaves this page: its policy forbids the network.
// The steps, and the words, are those of verify.sh; VERIFY.md explains them.
'use strict';

// ---- bytes ----

const text = (bytes) => new TextDecoder().decode(bytes);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, '0')).join('');
const sha256 = async (bytes) => hex(await crypto.subtle.digest('SHA-256', bytes));
const fromBase64 = (words) => {
  const decoded = atob(words);
  if (btoa(decoded) !== words) throw new Error('it is not base64');
  return Uint8Array.from(decoded, (c) => c.charCodeAt(0));
};
const fromHex = (digits) => Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
const same = (one, other) => hex(one) === hex(other);
const startsWith = (bytes, ...magic) => magic.every((value, at) => bytes[at] === value);
const seconds = (time) => Date.parse(time) / 1000;

// What comes of it, or something else where it throws.
function attempt(what, otherwise) {
  try {
    return what();
  } catch {
    return otherwise;
  }
}

// Some bytes one after the other.
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Inflates one stream, up to a limit.
async function inflate(bytes, format, limit) {
  const parts = [];
  let size = 0;
  // Straight in and out: a Blob for each of many small files would take far longer.
  const stream = new DecompressionStream(format);
  const writer = stream.writable.getWriter();
  // What is wrong with the bytes is told by the reader below.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      reader.cancel().catch(() => {});
      throw new Error('it is too large');
    }
    parts.push(value);
  }
  return joined(parts);
}

// The bytes that a digest vouches for: those inside of the gzip file. A copy may hold files that
// were unpacked on the way, which do not begin as a gzip file does.
async function content(bytes, limit) {
  if (!startsWith(bytes, 0x1f, 0x8b)) return bytes;
  const inflated = await inflate(bytes, 'gzip', limit);
  // The end of a gzip file states the length of its content: nothing may follow.
  const end = bytes.length - 4;
  const stated = bytes[end] + bytes[end + 1] * 2 ** 8 + bytes[end + 2] * 2 ** 16 + bytes[end + 3] * 2 ** 24;
  if (stated !== inflated.length % 2 ** 32) throw new Error('something follows its content');
  return inflated;
}

// Rows of a table with quotation marks (RFC 4180), by the names in its first row.
function table(csv) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  for (let at = 0; at < csv.length; at += 1) {
    const c = csv[at];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (csv[at + 1] === '"') { cell += c; at += 1; }
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') { row.push(cell); cell = ''; }
    else if (c === '\n') { row.push(cell); rows.push(row); row = []; cell = ''; }
    else if (c !== '\r') cell += c;
  }
  const names = rows.shift() || [];
  return rows.map((cells) => Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])));
}

// Does something for each item, some at once, and gives the results in order.
async function pooled(items, width, each) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await each(items[at], at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
