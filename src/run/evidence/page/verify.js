const MADE_BY = '{version}';
const RUN = 'data/report/run.json';
const REQUEST = 'data/report/request.json';
const CUSTODY = 'data/custody.csv';
const MANIFESTS = ['manifest-sha256.txt', 'tagmanifest-sha256.txt'];
const TAG_FILES = ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt', 'VERIFY.md', 'verify.sh', 'verify.html'];
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

// ---- the check ----

// Checks the files of a bag, by path; `progress` is called with what was done of how much.
async function checkBag(files, progress = () => {}) {
  const faults = new Set(), opens = new Set(), notes = new Set(), lines = [];
  const fault = (line) => faults.add(line);
  const open = (line) => opens.add(line);
  const note = (line) => notes.add(line);

  if (!files.has(MANIFESTS[0])) throw new Error('there is no manifest-sha256.txt in it: this is no evidence bag');

  // 1. Every file is there and unaltered, and there is no other. Objects are unpacked on the way.
  const hashes = new Map(), objects = new Map(), small = new Map(), seal = new Map();
  const paths = [...files.keys()].sort();
  let done = 0;
  const total = paths.reduce((sum, path) => sum + files.get(path).size, 0);
  await pooled(paths, AT_ONCE, async (path) => {
    const file = files.get(path);
    const isObject = path.startsWith('data/objects/');
    try {
      if (file.size > LARGEST_LOG) throw new Error('it is too large for a browser');
      if (isOfSeal(path)) {
        seal.set(path, null);
        if (file.size > LARGEST_OF_SEAL) throw new Error(`it is larger than ${LARGEST_OF_SEAL} bytes`);
      }
      const bytes = await file.read();
      hashes.set(path, await sha256(bytes));
      if (isObject) objects.set(path, await object(path, bytes));
      else if (isOfSeal(path)) seal.set(path, bytes);
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
    const value = attempt(() => JSON.parse(textOf(path)), undefined);
    if (value === undefined && files.has(path)) fault(`${path}: it is not JSON`);
    return value ?? {};
  };

  const named = new Set([MANIFESTS[1], ...paths.filter(isOfSeal)]);
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
      const der = fromBase64(text(bytes).replace(/-----[^-]*-----|\s/g, ''));
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

  // 4. The seal. bag-info.txt says which parts it has, so that one that was taken away is missed.
  lines.push(...await checkSeal(seal, {
    verdict, parts: said('Trailseal-Seal'), tagManifest: small.get(MANIFESTS[1]) ?? new Uint8Array(),
    hashes: [MANIFESTS[1], RUN].map((path) => hashes.get(path)),
  }, fault, open));
  if (!faults.size && verdict === 'violation') fault(`${RUN}: the run found violations; its report says which`);
  if (!faults.size && !opens.size && verdict !== 'verified') open(`${RUN}: the run came to ${verdict}; its report says why`);
  const status = faults.size ? 1 : opens.size ? 3 : 0;
  return {
    status, faults: [...faults].sort(), open: [...opens].sort(), notes: [...notes].sort(), lines, recorded: verdict,
    tagManifest: hashes.get(MANIFESTS[1]) ?? '', sealed: seal.size > 0,
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

// ---- the files that are given ----

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

// ---- what is shown ----

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
  by('facts').textContent = facts.map(shown).join('\n');
  for (const [id, lines] of [['faults', result.faults], ['open', result.open], ['notes', result.notes]]) {
    const items = lines.slice(0, MOST).concat(lines.length > MOST ? [`and ${lines.length - MOST} more`] : []);
    by(id).replaceChildren(...items.map((line) => {
      const item = document.createElement('li');
      item.textContent = shown(line);
      return item;
    }));
    by(`${id}-part`).hidden = !lines.length;
    by(`${id}-count`).textContent = lines.length;
  }
  by('seal').textContent = result.sealed
    ? 'Whether the certificates of the seal lead to an authority that you trust, and were not revoked: this page takes no file of authorities. Compare who signed, and the times, with what you were told.'
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
