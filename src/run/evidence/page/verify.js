// Checks an evidence bag in the browser. Nothing leaves this page: its policy forbids the network.
// The steps, and the words, are those of verify.sh; VERIFY.md explains them.
'use strict';

const MADE_BY = '{version}';
const RUN = 'data/report/run.json';
const REQUEST = 'data/report/request.json';
const CUSTODY = 'data/custody.csv';
const MANIFESTS = ['manifest-sha256.txt', 'tagmanifest-sha256.txt'];
const TAG_FILES = ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt', 'VERIFY.md', 'verify.sh', 'verify.html'];
const SEAL_FILES = ['tagmanifest-sha256.txt.p7s', 'signer.pem', 'statement.dsse.json', 'timestamp.tsr'];
// Time-stamps that were added later.
const FURTHER = /^seal\/timestamp-([2-9]|[1-9]\d)\.tsr$/;
const SEAL_PARTS = { 'signed': SEAL_FILES.slice(0, 3), 'time-stamped': SEAL_FILES.slice(3) };
// The files that evidence bags have, beside those in seal/.
const KNOWN = new RegExp('^(data/objects/.+|data/custody\\.csv|data/keys/[^/]+\\.pem'
  + '|data/keys/(public-keys|public-keys-of-any-region|sources)\\.json'
  + '|data/report/(run\\.json|report\\.html|objects\\.ndjson|request\\.json)'
  + '|data/controls/(controls\\.json|offers\\.json|offers\\.txt|certification\\.txt)'
  + '|bagit\\.txt|bag-info\\.txt|VERIFY\\.md|verify\\.sh|verify\\.html|(tag)?manifest-sha256\\.txt|seal/.*)$');
const DIGEST = /^data\/objects\/.*\/CloudTrail-Digest\/.*\.json\.gz$/;
const SIDECAR = '.metadata.json';
// No digest comes near this, and no log file that a browser can hold in memory exceeds it.
const LARGEST_DIGEST = 128 * 2 ** 20;
const LARGEST_LOG = 2 ** 30;
const AT_ONCE = 12;

// ---- bytes ---------------------------------------------------------------------------------

const text = (bytes) => new TextDecoder().decode(bytes);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, '0')).join('');
const sha256 = async (bytes) => hex(await crypto.subtle.digest('SHA-256', bytes));
const fromHex = (digits) => Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
const startsWith = (bytes, ...magic) => magic.every((value, at) => bytes[at] === value);
const seconds = (time) => Date.parse(time) / 1000;

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
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
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

// ---- a ZIP archive, read without unpacking it ------------------------------------------------

// Every byte must belong to a file that the directory names, or to the directory: else programs that
// read the archive from the front and from the back see different bags.
async function readZip(file) {
  const view = async (at, length) => {
    if (at < 0 || at + length > file.size) throw new Error('it is no ZIP archive: a record is cut off');
    return new DataView(await file.slice(at, at + length).arrayBuffer());
  };
  const is = (record, name) => record.getUint32(0) === (name === 'end' ? 0x504b0506 : name === 'end64' ? 0x504b0606
    : name === 'locator' ? 0x504b0607 : name === 'central' ? 0x504b0102 : 0x504b0304);
  const bytesOf = (record, at, length) => new Uint8Array(record.buffer, record.byteOffset + at, length);
  // Numbers that do not fit 32 bits stand in an extra field.
  const wide = (extra, numbers) => {
    let large = null;
    for (let at = 0; at + 4 <= extra.byteLength;) {
      const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
      if (id === 1) large = at + 4;
      if (id === 0x7075) throw new Error('the archive gives a file a second name');
      at += 4 + length;
    }
    return numbers.map((number) => {
      if (number !== 0xffffffff || large === null) return number;
      large += 8;
      return Number(extra.getBigUint64(large - 8, true));
    });
  };
  const end = await view(file.size - 22, 22);
  if (!is(end, 'end') || end.getUint16(20, true)) throw new Error('data follows the archive, or it has a comment');
  let [count, size, start] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  let directoryEnd = file.size - 22;
  const locator = file.size >= 42 ? await view(file.size - 42, 20) : null;
  if (locator && is(locator, 'locator')) {
    directoryEnd = Number(locator.getBigUint64(8, true));
    const end64 = await view(directoryEnd, 56);
    if (!is(end64, 'end64') || directoryEnd + 56 !== file.size - 42) throw new Error('data lies before its end');
    [count, size, start] = [32, 40, 48].map((at) => Number(end64.getBigUint64(at, true)));
  }
  if (start + size !== directoryEnd) throw new Error('data precedes the archive, or follows its directory');
  const directory = await view(start, size);
  const entries = [];
  for (let at = 0; at < size;) {
    const part = (from) => new DataView(directory.buffer, from);
    if (size - at < 46 || !is(part(at), 'central')) throw new Error('its directory holds something else than files');
    const [nameLength, extraLength, comment] = [28, 30, 32].map((o) => directory.getUint16(at + o, true));
    if (comment) throw new Error('a file of it has a comment');
    const extra = new DataView(directory.buffer, at + 46 + nameLength, extraLength);
    const [full, stored, offset] = wide(extra, [24, 20, 42].map((o) => directory.getUint32(at + o, true)));
    const name = text(bytesOf(directory, at + 46, nameLength));
    entries.push({
      name, full, stored, offset,
      flags: directory.getUint16(at + 8, true), method: directory.getUint16(at + 10, true),
      crc: directory.getUint32(at + 16, true), mode: directory.getUint32(at + 38, true) >>> 28,
    });
    at += 46 + nameLength + extraLength;
  }
  if (entries.length !== count) throw new Error('its directory names another number of files than its end says');
  entries.sort((a, b) => a.offset - b.offset);
  const names = new Set();
  let at = 0, top = null;
  const found = [];
  // Headers lie apart: some are read at once.
  const headers = await pooled(entries, 64, async (entry) => {
    const head = await view(entry.offset, 30);
    const [nameLength, extraLength] = [head.getUint16(26, true), head.getUint16(28, true)];
    return [head, await view(entry.offset + 30, nameLength + extraLength), nameLength];
  });
  for (const [number, entry] of entries.entries()) {
    const refuse = (why) => { throw new Error(`${entry.name}: ${why}`); };
    const [head, rest, nameLength] = headers[number];
    if (entry.offset !== at) refuse('data that belongs to no file precedes it');
    if (!is(head, 'local')) refuse('it is not where the directory says');
    if (text(bytesOf(rest, 0, nameLength)) !== entry.name) refuse('its own header gives it another name');
    if (names.has(entry.name)) refuse('the archive holds two files of this name');
    names.add(entry.name);
    const flags = head.getUint16(6, true), later = flags & 8;
    const extra = new DataView(rest.buffer, nameLength);
    const [full, stored] = wide(extra, [22, 18].map((o) => head.getUint32(o, true)));
    const same = flags === entry.flags && head.getUint16(8, true) === entry.method
      && (later || (head.getUint32(14, true) === entry.crc && full === entry.full && stored === entry.stored));
    if (!same) refuse('its own header differs from the directory');
    const data = entry.offset + 30 + rest.byteLength;
    at = data + entry.stored;
    if (later) {
      // The sizes follow the data, in one of four forms.
      const after = await view(at, Math.min(24, file.size - at));
      const signed = after.getUint32(0) === 0x504b0708 ? 4 : 0;
      const long = after.byteLength >= signed + 20 && Number(after.getBigUint64(signed + 4, true)) === entry.stored;
      at += signed + (long ? 20 : 12);
    }
    if (entry.flags & 1) refuse('it is encrypted');
    if (![0, 8].includes(entry.method)) refuse('it is compressed in a way that is not read here');
    if (entry.name.endsWith('/')) continue;
    if (entry.mode === 10) refuse('it is not a regular file');
    const [, folder, path] = entry.name.match(/^([^/]+)\/(.+)$/) || refuse('it lies beside the bag');
    if ((top ??= folder) !== folder || folder === '..') refuse('it lies beside the bag');
    const blob = file.slice(data, data + entry.stored);
    found.push([path, {
      size: entry.full,
      read: async () => {
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return entry.method ? inflate(bytes, 'deflate-raw', entry.full) : bytes;
      },
    }]);
  }
  if (at !== start) throw new Error('data that belongs to no file lies before its directory');
  if (!found.length) throw new Error('it holds no file');
  return new Map(found);
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

// ---- the check -------------------------------------------------------------------------------

// Checks the files of a bag, by path; `progress` is called with what was done of how much.
async function checkBag(files, progress = () => {}) {
  const faults = new Set(), opens = new Set(), notes = new Set(), lines = [];
  const fault = (line) => faults.add(line);
  const open = (line) => opens.add(line);
  const note = (line) => notes.add(line);

  if (!files.has(MANIFESTS[0])) throw new Error('there is no manifest-sha256.txt in it: this is no evidence bag');

  // 1. Every file is there and unaltered, and there is no other. Objects are unpacked on the way.
  const hashes = new Map(), objects = new Map(), small = new Map();
  const paths = [...files.keys()].sort();
  let done = 0;
  const total = paths.reduce((sum, path) => sum + files.get(path).size, 0);
  await pooled(paths, AT_ONCE, async (path) => {
    const file = files.get(path);
    const isObject = path.startsWith('data/objects/');
    try {
      if (file.size > LARGEST_LOG) throw new Error('it is too large for a browser');
      const bytes = await file.read();
      hashes.set(path, await sha256(bytes));
      if (isObject) objects.set(path, await object(path, bytes));
      else if (!/^(seal\/|data\/report\/report\.html$)/.test(path)) small.set(path, bytes);
    } catch (error) {
      open(`${path}: it could not be read: ${error.message}`);
    }
    done += file.size;
    progress(done, total, path);
  });
  async function object(path, bytes) {
    const found = { magic: bytes.slice(0, 4), first: bytes.find((b) => ![0, 9, 10, 13, 32].includes(b)) };
    if (path.endsWith(SIDECAR)) found.bytes = bytes;
    const isDigest = DIGEST.test(path);
    try {
      const inside = await content(bytes, isDigest ? LARGEST_DIGEST : LARGEST_LOG);
      found.hash = await sha256(inside);
      const digest = isDigest ? JSON.parse(text(inside)) : null;
      if ([digest?.digestEndTime, digest?.digestS3Object].every((v) => typeof v === 'string')) found.digest = digest;
    } catch (error) {
      found.whole = false;
    }
    return found;
  }
  const textOf = (path) => (small.has(path) ? text(small.get(path)) : '');
  const parsed = (path) => {
    try {
      return JSON.parse(textOf(path)) ?? {};
    } catch {
      if (files.has(path)) fault(`${path}: it is not JSON`);
      return {};
    }
  };

  const named = new Set([MANIFESTS[1], ...SEAL_FILES.map((name) => `seal/${name}`), ...[...files.keys()].filter((path) => FURTHER.test(path))]);
  const manifest = new Map();
  for (const name of MANIFESTS) {
    const here = new Set();
    for (const line of textOf(name).split('\n').filter((l) => l !== '')) {
      const [, hash, path] = line.match(/^([0-9a-fA-F]{64}) [ *](.+)$/) || [];
      if (!path) { fault(`${name}: a line of it is not a hash value and a path`); continue; }
      if (here.has(path)) fault(`${name}: it names ${path} twice`);
      if (/^\/|(^|\/)\.\.(\/|$)/.test(path)) { fault(`${name}: ${path} leads out of the bag`); continue; }
      if (name === MANIFESTS[0] && !path.startsWith('data/')) fault(`${path}: the manifest of data/ names it`);
      here.add(path);
      named.add(path);
      if (name === MANIFESTS[0]) manifest.set(path, hash.toLowerCase());
      if (!files.has(path)) fault(`${path}: it is not there`);
      else if (hashes.has(path) && hashes.get(path) !== hash.toLowerCase()) fault(`${path}: it was altered`);
    }
    if (name === MANIFESTS[1]) {
      for (const file of TAG_FILES.filter((f) => !here.has(f))) fault(`${file}: the tag manifest does not name it`);
    }
  }
  for (const path of paths) {
    if (!named.has(path)) fault(`${path}: no manifest names it`);
    if (!KNOWN.test(path)) fault(`${path}: no evidence bag has such a file`);
    if (/[\u0000-\u001f\u007f]/.test(path)) fault(`${path}: it is no regular file, or of a strange name`);
  }
  const payload = paths.filter((path) => path.startsWith('data/'));
  const info = new Map(textOf('bag-info.txt').split('\n').filter((l) => l.includes(': '))
    .map((l) => [l.slice(0, l.indexOf(': ')), l.slice(l.indexOf(': ') + 2)]));
  const said = (label) => info.get(label) ?? '';
  const oxum = `${payload.reduce((sum, path) => sum + files.get(path).size, 0)}.${payload.length}`;
  if (said('Payload-Oxum') !== oxum) fault(`bag-info.txt: Payload-Oxum is another than the files in data/ have: ${oxum}`);

  // What bag-info.txt says must be what the report and the request of the run say.
  const run = parsed(RUN), request = parsed(REQUEST);
  const verdict = run.verdict ?? '';
  const weighs = request.unreferenced === 'violation' ? '' : request.unreferenced ?? '';
  if (said('Trailseal-Verdict') !== verdict) fault(`bag-info.txt: its verdict is not that of ${RUN}`);
  if (said('Trailseal-Logs') !== (request.kept_logs ?? '')) fault(`bag-info.txt: it says other log files are in the bag than ${REQUEST}`);
  if (said('Trailseal-Unreferenced') !== weighs) fault(`bag-info.txt: it lets other log files pass than ${REQUEST}`);
  const agent = run.tool?.version ?? '';
  if (said('Bag-Software-Agent') !== `${run.tool?.name ?? ''} ${agent}`) fault(`bag-info.txt: it names another version than ${RUN}`);
  if (`${run.tool?.name} ${agent}` !== `trailseal ${MADE_BY}`) open(`${RUN}: another version wrote it than this check is of`);

  // A row of custody for each object says whether it is here, with its hash value.
  const rows = table(textOf(CUSTODY)), packed = new Map();
  for (const row of rows) {
    if (row.packed === 'yes') packed.set(row.path, row);
  }
  const stored = [...objects.keys()].filter((p) => !(p.endsWith(SIDECAR) && objects.has(p.slice(0, -SIDECAR.length))));
  for (const path of stored) if (!packed.has(path)) fault(`${path}: ${CUSTODY} does not say that it is in the bag`);
  for (const [path, row] of packed) {
    if (!files.has(path)) fault(`${path}: ${CUSTODY} says that it is in the bag`);
    else if (row.sha256 !== manifest.get(path)) fault(`${path}: ${CUSTODY} has another hash value`);
  }
  lines.push(`files      ${payload.length} in data/, compared with their manifest`);

  // 2. What each digest says, and what signs it. A copy may lack a digest's own signature; then the
  //    digest after it carries it.
  const digests = stored.filter((path) => DIGEST.test(path));
  const carried = new Map(), metadata = new Map();
  for (const path of digests) {
    const beside = objects.get(path + SIDECAR)?.bytes;
    try {
      const values = beside ? JSON.parse(text(beside)).Metadata : {};
      for (const [name, value] of Object.entries(values)) metadata.set(`${name.toLowerCase()} ${path}`, value);
    } catch {
      // Without metadata there is no signature, which is told below.
    }
    const digest = objects.get(path).digest;
    if (!digest?.previousDigestS3Object) continue;
    const before = `data/objects/${digest.previousDigestS3Bucket}/${digest.previousDigestS3Object}`;
    if (!carried.has(before)) carried.set(before, digest.previousDigestSignature);
  }
  const signatureOf = (path) => metadata.get(`signature ${path}`) || carried.get(path) || '';
  const keys = new Map();
  for (const [path, bytes] of small) {
    const [, fingerprint] = path.match(/^data\/keys\/([0-9a-f]+)(-[0-9]+)?\.pem$/) || [];
    if (!fingerprint) continue;
    try {
      const der = Uint8Array.from(atob(text(bytes).replace(/-----[^-]*-----|\s/g, '')), (c) => c.charCodeAt(0));
      const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
      const key = await crypto.subtle.importKey('spki', der, rsa, false, ['verify']);
      keys.set(fingerprint, [...keys.get(fingerprint) ?? [], key]);
    } catch {
      fault(`${path}: it is not an RSA public key`);
    }
  }
  for (const key of run.keys ?? []) {
    if (key.used && !keys.has(key.fingerprint)) fault(`data/keys: there is no key ${key.fingerprint}, which ${RUN} says was used`);
  }
  const sources = parsed('data/keys/sources.json');

  // What the bag says of objects that it does not hold, and of digests that lie outside of the time
  // and the trails that were asked for: those are there for their links, not for their log files.
  const unread = new Set(rows.filter((r) => ['no', 'unreadable'].includes(r.packed)).map((r) => r.path));
  const result = new Map(rows.map((r) => [r.path, r]));
  const unchecked = new Set();
  for (const line of textOf('data/report/objects.ndjson').split('\n')) {
    if (line.includes('"result":"unchecked"')) unchecked.add(JSON.parse(line).key);
  }
  const inScope = (path) => !(packed.get(path)?.kind === 'digest' && packed.get(path)?.result === 'not checked');

  // The signature: RSA PKCS#1 v1.5 with SHA-256 over four lines.
  const valid = new Set();
  await pooled(digests, AT_ONCE, async (path) => {
    const { digest, hash } = objects.get(path);
    const signature = signatureOf(path), named = digest?.digestPublicKeyFingerprint;
    if (!digest || !/^([0-9a-f]{2})+$/.test(signature)) return;
    const message = [digest.digestEndTime, `${digest.digestS3Bucket}/${digest.digestS3Object}`, hash,
      digest.previousDigestSignature ?? 'null'].join('\n');
    const bytes = new TextEncoder().encode(message);
    for (const key of keys.get(named) ?? []) {
      if (await crypto.subtle.verify('RSASSA-PKCS1-v1_5', key, fromHex(signature), bytes)) valid.add(path);
    }
  });

  const kept = said('Trailseal-Logs'), online = request.online === true;
  // What should be there and is not: a fault, unless the bag says that it could not be read, or only
  // a digest that is not verified says that it should.
  const gone = (path, by, line) => {
    if (unread.has(path)) open(`${path}: it was not read when the bag was made`);
    else if (unchecked.has(path.replace(/^data\/objects\/[^/]*\//, ''))) open(`${path}: it could not be checked when the bag was made`);
    else if (!valid.has(by)) open(`${line}; its digest is not verified`);
    else fault(line);
  };
  const listed = new Set(), listedHashes = new Set(), followers = new Map(), first = new Set();
  const standard = new Map(), covered = new Map();
  let checked = 0, absent = 0;
  for (const path of digests) {
    const { digest, hash } = objects.get(path);
    const scope = inScope(path), amiss = scope ? fault : open;
    if (!digest) { amiss(`${path}: it is not whole`); continue; }
    const at = `${digest.digestS3Bucket}/${digest.digestS3Object}`;
    if (`data/objects/${at}` !== path) amiss(`${path}: the digest says that it is ${at}`);
    const signature = signatureOf(path), fingerprint = digest.digestPublicKeyFingerprint ?? '';
    if (!signature) {
      if (scope) open(`${path}: there is no signature for it`);
    } else if (!/^([0-9a-f]{2})+$/.test(signature)) fault(`${path}: its signature is not hexadecimal`);
    else if (!/^[0-9a-f]+$/.test(fingerprint)) fault(`${path}: it names no key`);
    else if (!keys.has(fingerprint)) (online ? amiss : open)(`${path}: there is no key ${fingerprint}`);
    else if (!valid.has(path)) amiss(`${path}: its signature does not fit its bytes`);

    // Keys are valid for a time, and a digest is signed soon after its end.
    const made = path.endsWith('_backfill.json.gz') ? metadata.get(`backfill-generation-timestamp ${path}`) : null;
    const from = made ? seconds(made) - 3600 : seconds(digest.digestEndTime);
    const known = Array.isArray(sources) ? sources.filter((s) => s.fingerprint === fingerprint) : [];
    const fits = (s) => s.valid_from === null || (seconds(s.valid_from) <= from + 7200 && seconds(s.valid_to) >= from);
    if (known.length && !known.some(fits)) amiss(`${path}: its key was not valid when it was signed, by data/keys/sources.json`);

    // The link to the digest before it. Only the first digest of a chain may lead out of the bag.
    const chain = chainOf(path), previous = digest.previousDigestS3Object;
    if (previous) {
      const before = `data/objects/${digest.previousDigestS3Bucket}/${previous}`;
      if (objects.has(before)) {
        if (objects.get(before).hash !== digest.previousDigestHashValue) amiss(`${path}: the digest before it is not the one that it links to: ${before}`);
        if (signatureOf(before) !== (digest.previousDigestSignature ?? '')) amiss(`${path}: the signature of the digest before it is not the one that it links to: ${before}`);
      } else if (scope && first.has(chain)) gone(before, path, `${path}: the digest before it is not in the bag: ${before}`);
      followers.set(previous, [...followers.get(previous) ?? [], path]);
    }
    if (scope) first.add(chain);
    const backfill = path.endsWith('_backfill.json.gz');
    if (scope && !backfill) {
      const name = path.replace(/.*\//, '').replace(/_[^_]*$/, '');
      standard.set(name, [...standard.get(name) ?? [], [digest.digestStartTime, digest.digestEndTime]]);
    }
    if (!backfill) cover(covered, path, digest);

    // The log files that it lists, each with the hash value of its content.
    for (const entry of Array.isArray(digest.logFiles) ? digest.logFiles : []) {
      if (![entry?.s3Bucket, entry?.s3Object, entry?.hashValue].every((v) => typeof v === 'string')) {
        fault(`${path}: an entry of its log files cannot be read`);
        continue;
      }
      const log = `data/objects/${entry.s3Bucket}/${entry.s3Object}`;
      listed.add(log);
      listedHashes.add(entry.hashValue);
      if (!objects.has(log)) {
        if (kept === 'all' && scope) gone(log, path, `${log}: a digest lists it, and it is not in the bag`);
        absent += 1;
        continue;
      }
      checked += 1;
      const wrong = valid.has(path) ? fault : open;
      if (objects.get(log).whole === false) wrong(`${log}: it is not whole`);
      else if (objects.get(log).hash !== entry.hashValue) wrong(`${log}: its content is not what the digest vouches for`);
    }
  }
  if (!first.size) open('there are no digests of what was asked for: nothing is proven');
  lines.push(`digests    ${digests.length} checked: signatures, places and links`);
  for (const [digest, after] of followers) {
    if (after.length > 1) fault(`${digest}: several digests follow this one: ${after.join(' ')}`);
  }

  // The time that was asked for. Nothing in a bag shows what lay where no digest is. What the run's
  // report explains is told, and not counted.
  const findings = Array.isArray(run.findings) ? run.findings : [];
  const [start, end, grace] = [request.start, request.end ?? run.scope?.end, request.grace_seconds ?? 0];
  for (const [name, windows] of [...standard].sort()) {
    windows.sort();
    const explained = (code, time) => findings.find((f) => f.code === code && f.severity === 'notice' && f.start === time);
    let last = windows[0][1];
    if (start && windows[0][0] > start) {
      const told = explained('chain-late-start', start) ? note : open;
      told(`${name}: its digests begin ${windows[0][0]}, after the time that was asked for`);
    }
    for (const [from, to] of windows) {
      if (from > last) (explained('chain-gap', last) ? note : open)(`${name}: no digest covers ${last} to ${from}`);
      if (to > last) last = to;
    }
    if (!end || seconds(last) + grace >= seconds(end)) continue;
    const line = `${name}: its newest digest ends ${last}, before the time that was asked for`;
    const ended = findings.find((f) => f.code === 'chain-truncated' && f.start === last);
    if (ended) ({ notice: note, incomplete: open }[ended.severity] ?? fault)(line);
    else if (!request.as_of || seconds(last) + grace < seconds(request.as_of)) fault(line);
  }
  for (const word of [...request.accounts ?? [], ...request.regions ?? []]) {
    if (!digests.some((path) => path.includes(`/${word}/`))) open(`${word}: it was asked for, and there are no digests of it`);
  }
  const aside = digests.filter((path) => !inScope(path)).length;
  const told = run.totals ?? {};
  if (verdict === 'verified' && told.digests?.valid !== digests.length - aside) {
    fault(`${RUN}: it counts ${told.digests?.valid ?? 'no'} valid digests, and the bag holds other ones`);
  }
  if ((told.logs?.valid ?? 0) > listed.size) fault(`${RUN}: it counts ${told.logs.valid} valid log files, and the digests list fewer`);
  if (aside) lines.push(`           ${aside} of them ${aside === 1 ? 'lies' : 'lie'} outside of what was asked for, by data/custody.csv`);
  lines.push(`log files  ${checked} checked against their digests; ${absent} ${absent === 1 ? 'is' : 'are'} listed and not in the bag`);

  // 3. No log file in the bag is without a digest that lists it.
  for (const path of stored.filter((p) => !DIGEST.test(p) && !listed.has(p))) {
    const { magic, first: byte, hash } = objects.get(path);
    // A log file by its name, or because a program that reads log files would open it.
    const isLog = /^[0-9].*_CloudTrail/.test(path.replace(/.*\//, '')) || startsWith(magic, 0x1f, 0x8b)
      || startsWith(magic, 0x28, 0xb5, 0x2f, 0xfd) || startsWith(magic, 0x42, 0x5a, 0x68) || [0x7b, 0x5b].includes(byte);
    const line = `${path}: no digest in the bag lists it`;
    const when = place(path, covered);
    if (hash && listedHashes.has(hash)) note(`${path}: it has the content of a log file that a digest lists, and no digest lists it`);
    else if (!isLog) note(`${line}, and it is no log file by its name and content`);
    else if (weighs) note(`${line}; the run was asked to let that pass`);
    else if (when === 'covered') fault(line);
    else if (result.get(path)?.code === 'log-uncovered') note(`${line}; its time is not covered by one`);
    else open(`${line}; its time is not covered by one`);
  }

  // 4. The seal, as far as it can be seen here: its parts are there.
  for (let number = 2; number < 100; number += 1) {
    const earlier = number === 2 ? 'seal/timestamp.tsr' : `seal/timestamp-${number - 1}.tsr`;
    if (files.has(`seal/timestamp-${number}.tsr`) && !files.has(earlier)) fault(`${earlier}: it is not there, and seal/timestamp-${number}.tsr is over it`);
  }
  const parts = said('Trailseal-Seal').split(', ');
  for (const [word, wanted] of Object.entries(SEAL_PARTS)) {
    for (const name of wanted) {
      if (parts.includes(word) && !files.has(`seal/${name}`)) fault(`seal/${name}: the bag was ${word}, and it is not there`);
    }
  }
  if (!faults.size && verdict === 'violation') fault(`${RUN}: the run found violations; its report says which`);
  if (!faults.size && !opens.size && verdict !== 'verified') open(`${RUN}: the run came to ${verdict}; its report says why`);
  const status = faults.size ? 1 : opens.size ? 3 : 0;
  return {
    status, faults: [...faults].sort(), open: [...opens].sort(), notes: [...notes].sort(), lines, recorded: verdict,
    tagManifest: hashes.get(MANIFESTS[1]) ?? '', sealed: SEAL_FILES.some((name) => files.has(`seal/${name}`)),
    online, logs: kept,
  };
}

// The chain of a digest: its folder and name without date and time.
function chainOf(path) {
  return path.replace(/\/\d+\/\d+\/\d+\/([^/]*)$/, '/$1').replace(/_\d{8}T\d{6}Z(_backfill)?\.json\.gz$/, '$1');
}

// The time that digests of an account and region cover.
function cover(covered, path, digest) {
  const [, account, region] = path.match(/\/(\d{12})\/CloudTrail-Digest\/([^/]+)\//) || [];
  if (!account) return;
  const [from, to] = [seconds(digest.digestStartTime), seconds(digest.digestEndTime)];
  const known = covered.get(`${account} ${region}`) ?? [from, to];
  covered.set(`${account} ${region}`, [Math.min(from, known[0]), Math.max(to, known[1])]);
}

// Where the time in a log file's name lies: 'covered' by digests, or 'beyond' them.
function place(path, covered) {
  const [, account, region, y, m, d, h, min] = path.replace(/.*\//, '')
    .match(/^(\d{12})_CloudTrail[^_]*_([^_]+)_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z/) || [];
  const known = covered.get(`${account} ${region}`);
  // What has no such name is judged by where it lies.
  if (!account) return 'covered';
  if (!known) return 'beyond';
  const time = seconds(`${y}-${m}-${d}T${h}:${min}:00Z`);
  if (time < known[0]) return 'beyond';
  if (time < known[1]) return 'covered';
  return 'beyond';
}

// ---- the files that are given -----------------------------------------------------------------

const fileOf = (file) => ({ size: file.size, read: async () => new Uint8Array(await file.arrayBuffer()) });

// The files of a chosen folder, or the one ZIP archive.
async function opened(files) {
  if (files.length === 1 && /\.zip$/i.test(files[0].name)) return readZip(files[0]);
  return below(new Map(files.map((file) => [file.webkitRelativePath || file.name, fileOf(file)])));
}

// The files of a dropped folder, which is read as a tree. Chromium gives a page from a file handles
// alone, and Firefox entries alone.
async function dropped(handle, entry) {
  const files = new Map();
  const byHandle = async (folder, prefix) => {
    for await (const child of folder.values()) {
      if (child.kind === 'directory') await byHandle(child, `${prefix}${child.name}/`);
      else files.set(prefix + child.name, fileOf(await child.getFile()));
    }
  };
  const byEntry = async (folder, prefix) => {
    const reader = folder.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return;
      await pooled(some, AT_ONCE, async (child) => {
        if (child.isDirectory) return byEntry(child, `${prefix}${child.name}/`);
        return files.set(prefix + child.name, fileOf(await new Promise((done, failed) => child.file(done, failed))));
      });
    }
  };
  if (handle) await byHandle(await handle, '');
  else await byEntry(entry, '');
  return below(files);
}

// The bag's own folder among files that lie in others: the one with the manifest.
function below(files) {
  if (files.has(MANIFESTS[0])) return files;
  const tops = [...files.keys()].filter((path) => path.endsWith(`/${MANIFESTS[0]}`));
  const top = tops.sort((a, b) => a.length - b.length)[0]?.slice(0, -MANIFESTS[0].length) ?? '';
  return new Map([...files].filter(([path]) => path.startsWith(top)).map(([path, file]) => [path.slice(top.length), file]));
}

// ---- what is shown ----------------------------------------------------------------------------

// Names and texts of a bag are hostile: they are only ever set as text, and what could steer or hide
// text is shown as its number.
const shown = (line) => line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
const MOST = 500;

function show(result, seconds) {
  const by = (id) => document.getElementById(id);
  const [word, meaning] = {
    0: ['VERIFIED by the keys in this bag', 'The bag is whole and unaltered, and its log files are those that the signed digests list.'],
    1: ['VIOLATION', 'The bag was altered, or what it holds contradicts what was signed or what it says.'],
    2: ['NOT CHECKED', 'This could not be read as an evidence bag.'],
    3: ['INCOMPLETE', 'Nothing contradicts, but not all of it is proven.'],
  }[result.status];
  by('verdict').className = `status${result.status}`;
  by('word').textContent = word;
  const logs = result.logs && result.logs !== 'all' ? ' Log files that the bag does not hold were not checked.' : '';
  by('meaning').textContent = meaning + (result.status === 0 ? logs : '');
  const facts = [...result.lines];
  if (result.recorded) facts.push(`report     its verdict: ${result.recorded}`);
  if (result.tagManifest) facts.push(`SHA-256 of tagmanifest-sha256.txt: ${result.tagManifest}`);
  facts.push(`checked in ${seconds.toFixed(1)} s`);
  by('facts').textContent = shown(facts.join('\u2028')).replaceAll('\\u{2028}', '\n');
  for (const [id, lines] of [['faults', result.faults], ['open', result.open], ['notes', result.notes]]) {
    const items = lines.slice(0, MOST).map((line) => {
      const item = document.createElement('li');
      item.textContent = shown(line);
      return item;
    });
    if (lines.length > MOST) {
      const item = document.createElement('li');
      item.textContent = `and ${lines.length - MOST} more`;
      items.push(item);
    }
    by(id).replaceChildren(...items);
    by(`${id}-part`).hidden = !lines.length;
    by(`${id}-count`).textContent = lines.length;
  }
  by('seal').textContent = result.sealed
    ? 'The seal: who signed this bag and when, whether the signature and the time-stamp fit, and whether their certificates lead to an authority that you trust.'
    : 'Who packed this bag, and when: it has no seal, and whoever alters such a bag can write its manifests anew.';
  by('result').hidden = false;
  by('verdict').focus();
}

async function check(files) {
  const started = performance.now();
  const bar = document.getElementById('bar'), state = document.getElementById('state');
  document.getElementById('result').hidden = true;
  document.getElementById('progress').hidden = false;
  state.textContent = 'Reading the list of files';
  let result, last = 0;
  try {
    if (!globalThis.crypto?.subtle || !globalThis.DecompressionStream) {
      throw new Error('this browser lacks WebCrypto or DecompressionStream: use a newer one');
    }
    result = await checkBag(await files, (done, all, path) => {
      const now = performance.now();
      if (now - last < 100 && done < all) return;
      last = now;
      bar.max = all || 1;
      bar.value = done;
      state.textContent = `${(done / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB: ${shown(path)}`;
    });
  } catch (error) {
    result = { status: 2, faults: [error.message], open: [], notes: [], lines: [] };
  }
  document.getElementById('progress').hidden = true;
  show(result, (performance.now() - started) / 1000);
  return result;
}

if (globalThis.document) {
  const pick = (id) => document.getElementById(id).addEventListener('change', (event) => {
    if (event.target.files.length) check(opened([...event.target.files]));
  });
  pick('folder');
  pick('archive');
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    const [item] = [...event.dataTransfer.items].filter((i) => i.kind === 'file');
    const entry = item?.webkitGetAsEntry?.();
    // What was dropped can be asked for only until this returns.
    if (entry?.isFile) check(opened([item.getAsFile()]));
    else if (entry) check(dropped(item.getAsFileSystemHandle?.(), entry));
  });
}
