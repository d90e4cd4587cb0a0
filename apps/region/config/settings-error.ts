/** The settings cannot be used. The message names each bad key with an example; `main` prints it and stops. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
