// @ts-check
// This package: its raw level, its model, its client, and their batches.
import { serve } from '../serve.mjs';
import { client, clientBatch } from './client.mjs';
import { open } from './connection.mjs';
import { model, modelBatch, modelSync } from './model.mjs';
import { rawAsync, rawBatch, rawSync } from './raw.mjs';

await serve({
  open,
  forms: {
    'raw sync': rawSync,
    'model sync': modelSync,
    'raw async': rawAsync,
    model,
    client,
    'raw batch': rawBatch,
    'model batch': modelBatch,
    'client batch': clientBatch,
  },
});
