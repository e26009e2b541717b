// ---- the seal ----

const SIGNATURE = 'seal/tagmanifest-sha256.txt.p7s', SIGNER = 'seal/signer.pem', STATEMENT = 'seal/statement.dsse.json';
const SEAL_FILES = [SIGNATURE, SIGNER, STATEMENT, 'seal/timestamp.tsr', 'seal/crls.pem'];
const SEAL_PARTS = { 'signed': SEAL_FILES.slice(0, 3), 'time-stamped': SEAL_FILES.slice(3, 4), 'with revocation lists': SEAL_FILES.slice(4) };
// Time-stamps that were added later.
const FURTHER = /^seal\/timestamp-([2-9]|[1-9]\d)\.tsr$/;
const MOST_TIME_STAMPS = 99;
const timeStamp = (number) => `seal/timestamp${number > 1 ? `-${number}` : ''}.tsr`;
const isOfSeal = (path) => SEAL_FILES.includes(path) || FURTHER.test(path);
// No part of a seal comes near this.
const LARGEST_OF_SEAL = 2 ** 20;
const LONGEST_NAME = 200;
const IN_TOTO = 'application/vnd.in-toto+json', OF_STATEMENT = 'https://in-toto.io/Statement/v1', OF_BAG = 'urn:trailseal:evidence:1';

// Checks that the parts of a seal fit the bag and one another; `bag` says what they must fit. Whether
// their certificates lead to an authority is not checked: what they say is their own word, and the lines
// that are given back show it.
async function checkSeal(files, bag, fault, open) {
  const lines = [], stated = bag.parts.split(', ');
  for (let number = 1; number < MOST_TIME_STAMPS; number += 1) {
    const [earlier, own] = [timeStamp(number), timeStamp(number + 1)];
    if (files.has(own) && !files.has(earlier)) fault(`${earlier}: it is not there, and ${own} is over it`);
  }
  for (const [word, wanted] of Object.entries(SEAL_PARTS)) {
    for (const name of wanted) {
      if (stated.includes(word) && !files.has(name)) fault(`${name}: the bag was ${word}, and it is not there`);
    }
  }
  if (!files.has(SIGNATURE) && !files.has(timeStamp(1))) lines.push('seal       none: nothing shows who packed this bag, or when');
  else lines.push('seal       signer NOT verified: this page takes no file of authorities (sh verify.sh CA.pem does)');
  // Parts are over one another: where one could not be read, nothing is said of the others.
  if ([...files.values()].includes(null)) return lines;

  let signer = null;
  if (files.has(SIGNATURE)) {
    try {
      signer = (await readSigned(files.get(SIGNATURE), DATA, bag.tagManifest)).certificate;
      if (files.has(SIGNER) && !isFirstOf(files.get(SIGNER), signer)) {
        fault(`${SIGNER}: it holds another certificate than the signature`);
      } else lines.push(whose('signed by', signer));
    } catch {
      fault(`${SIGNATURE}: it does not fit the tag manifest`);
    }
  }
  if (files.has(STATEMENT)) await checkStatement(files.get(STATEMENT), signer, bag, fault);

  // The first time-stamp is over the signature, or the tag manifest where there is none; a further one
  // is over the same and all earlier ones.
  const covered = [files.get(SIGNATURE) ?? bag.tagManifest];
  for (let number = 1; number <= MOST_TIME_STAMPS && files.has(timeStamp(number)); number += 1) {
    const name = timeStamp(number);
    const stamp = await readTimeStamp(files.get(name)).catch(() => null);
    let wrong = null;
    if (!stamp) wrong = 'it is not signed by its authority';
    else if (stamp.hash !== SHA_256 || hex(stamp.over) !== await sha256(joined(covered))) wrong = 'it is over something else';
    else if (!await namesItsSigner(stamp).catch(() => false)) wrong = 'it names another certificate than the one that signed it, or none';
    if (wrong) {
      fault(`${name}: ${wrong}`);
      break;
    }
    if (attempt(() => stampsTime(stamp.certificate), false)) lines.push(`           time-stamp: ${stamp.time}`, whose('by', stamp.certificate));
    else open(`${name}: its certificate is not one for time-stamping alone (RFC 3161, 2.3)`);
    covered.push(files.get(name));
  }
  return lines;
}

function whose(word, { subject, issuer, from, to }) {
  const name = (of) => attempt(() => nameOf(of).slice(0, LONGEST_NAME), 'a name that cannot be read');
  return `           ${word} ${name(subject)} (certified by ${name(issuer)}; valid ${from} to ${to})`;
}

// The statement (in-toto, in a DSSE envelope) is by the signer's key, about this bag, and of the same verdict.
async function checkStatement(bytes, signer, bag, fault) {
  let payload, type, fits = false;
  try {
    const envelope = JSON.parse(text(bytes));
    [payload, type] = [fromBase64(envelope.payload), envelope.payloadType];
    const [{ sig }, ...more] = envelope.signatures, signature = fromBase64(sig);
    const message = joined([new TextEncoder().encode(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `), payload]);
    for (const hash of ['SHA-256', 'SHA-384']) {
      fits ||= type === IN_TOTO && !more.length && await isBy(signer, hash, signature, message);
    }
  } catch {
    // What cannot be read fits nothing.
  }
  if (!fits) {
    fault(`${STATEMENT}: its signature is not that of the certificate's key`);
    return;
  }
  const statement = attempt(() => JSON.parse(text(payload)), null) ?? {};
  const subjects = Array.isArray(statement.subject) ? statement.subject.map((one) => one?.digest?.sha256) : [];
  if (statement._type !== OF_STATEMENT || statement.predicateType !== OF_BAG) fault(`${STATEMENT}: it is a statement of another kind`);
  if (!bag.hashes.every((hash) => subjects.includes(hash))) fault(`${STATEMENT}: it is about another bag`);
  if (statement.predicate?.verdict !== bag.verdict) fault(`${STATEMENT}: it says another verdict than ${RUN}`);
}
