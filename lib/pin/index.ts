/** Sources of PINs. */
export { type PinEnvironmentOptions, pinFromEnvironment } from './environment';
export { type PinFileOptions, pinFromFile } from './file';
export { firstPin } from './first';
export { fixedPin, toPinProvider } from './fixed';
export { type PinKeyringOptions, pinFromKeyring } from './keyring';
export { type PinPromptOptions, pinFromPrompt, printable } from './prompt';
export type { PinProvider, PinRequest } from './request';
export { type PinUriOptions, pinFromUri } from './uri';
