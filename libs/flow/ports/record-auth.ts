/** MACs of members over records, and digests. Keys never leave the adapter. */
export interface RecordAuth {
  /** MAC of this region over the bytes of one of its events. */
  sign(bytes: Uint8Array): Uint8Array;
  /** Whether `mac` was made by that member over exactly these bytes. Constant time. */
  verify(member: string, bytes: Uint8Array, mac: Uint8Array): boolean;
}

export interface Hashing {
  /** SHA-256, hex, 64 characters. */
  sha256Hex(bytes: Uint8Array): string;
  /** SHA-256 of the text's UTF-8, base64url, 43 characters. */
  sha256OfText(text: string): string;
  utf8(text: string): Uint8Array;
  /** `undefined` when the bytes are not valid UTF-8. */
  fromUtf8(bytes: Uint8Array): string | undefined;
  base64Url(bytes: Uint8Array): string;
  /** `undefined` when the text is not base64url without padding. */
  fromBase64Url(text: string): Uint8Array | undefined;
}

/** Randomness, passed in so that one seed gives one run. */
export interface Random {
  /** A new mutation id for a command that brought none: `region.uuidv7`. */
  mutationId(region: string, wallMillis: number): string;
  /** Uniform in [0, 1). */
  fraction(): number;
}
