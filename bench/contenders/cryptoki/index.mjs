// @ts-check
// This package: its raw level, its model, its client, and their batches.
import { serve } from '../serve.mjs';
import { client, clientBatch, clientQueued } from './client.mjs';
import { open } from './connection.mjs';
import { model, modelBatch, modelQueued, modelSync } from './model.mjs';
import { rawAsync, rawBatch, rawSync } from './raw.mjs';

await serve({
  open,
  forms: {
    'raw sync': rawSync,
    'model sync': modelSync,
    'raw async': rawAsync,
    model,
    client,
    'model, queued': modelQueued,
    'client, queued': clientQueued,
    'raw batch': rawBatch,
    'model batch': modelBatch,
    'client batch': clientBatch,
  },
});
