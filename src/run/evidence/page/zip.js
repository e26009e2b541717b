// ---- a ZIP archive, read without unpacking it ----

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
