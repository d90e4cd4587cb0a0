import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** What a user gave us cannot be used as it is. The message names the place and what is wrong with it. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Far above both data sets (a few MB unpacked), far below what would stall a small machine. */
export const inputBytesMax = 256 * 1024 * 1024;

const gunzipped = promisify(gunzip);

/**
 * Reads a UTF-8 text file, packed by gzip or plain: its first bytes decide, not its name.
 *
 * @throws InputError when it cannot be read, is too large, is not gzip where it says so, or is not UTF-8.
 */
export async function readInputText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = packed ? await unpack(path, bytes) : bytes;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    throw new InputError(`${path}: this is not a text in UTF-8`);
  }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > inputBytesMax) throw new InputError(`${path}: ${size} bytes are more than ${inputBytesMax}`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${whyUnreadable(error) ?? (error as Error).message}`);
  }
}

/** Why a file cannot be read; `undefined` where it is not its path that is wrong. */
export function whyUnreadable(error: unknown): string | undefined {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'it may not be read',
    EISDIR: 'it is a directory',
  };
  return reasons[(error as NodeJS.ErrnoException).code ?? ''];
}

/** Why a file cannot be written; `undefined` where it is not its path that is wrong. */
export function whyUnwritable(error: unknown): string | undefined {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such directory',
    ENOTDIR: 'there is no such directory',
    EACCES: 'it may not be written',
    EPERM: 'it may not be written',
    EROFS: 'it may not be written',
    EISDIR: 'it is a directory',
    EEXIST: 'there is a file of that name',
  };
  return reasons[(error as NodeJS.ErrnoException).code ?? ''];
}

async function unpack(path: string, bytes: Buffer): Promise<Buffer> {
  try {
    return await gunzipped(bytes, { maxOutputLength: inputBytesMax });
  } catch (error) {
    throw new InputError(`${path}: it looks like gzip but cannot be unpacked (${(error as Error).message})`);
  }
}
