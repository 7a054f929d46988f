/** Creates objects with C_CreateObject, in the form that the module accepts. */
import { isCode } from '../../core/errors';
import { type Attributes, toTemplate } from '../attributes';
import { loginEpoch, useForWriting } from '../login/session-access';
import type { ModelSession } from '../model-types';
import type { GeneratedKey } from '../objects/generate-keys';

/** Errors of C_CreateObject that refuse the attributes, so that nothing was created. */
const REFUSALS = [
  ...['CKR_ATTRIBUTE_TYPE_INVALID', 'CKR_ATTRIBUTE_VALUE_INVALID', 'CKR_ATTRIBUTE_READ_ONLY'],
  ...['CKR_TEMPLATE_INCONSISTENT', 'CKR_TEMPLATE_INCOMPLETE'],
];

/** A template that is used if the module has refused those before it. */
export interface TemplateOffer {
  readonly template: Attributes;
  /** True if it only has more attributes, so that it is used only if the module has missed some. */
  readonly completes?: boolean;
}

/**
 * Creates one object, with the first template that the module accepts.
 * @param offers at least one; all with the same token and private
 * @throws the error for the last template, or the first error that does not refuse attributes
 */
export async function createWith(
  session: ModelSession,
  offers: readonly TemplateOffer[],
): Promise<GeneratedKey> {
  let refusal: unknown;
  for (const { template: requested, completes = false } of offers) {
    // SoftHSM2 keeps an incomplete object if it refuses an attribute that it does not know, so none is sent without need.
    if (completes && !isCode(refusal, 'CKR_TEMPLATE_INCOMPLETE', 'CKR_TEMPLATE_INCONSISTENT')) continue;
    const rawTemplate = toTemplate(requested);
    const traits = { token: requested.token ?? false, private: requested.private };
    const raw = useForWriting(session, 'create', traits);
    const epoch = loginEpoch(session);
    try {
      const handle = await raw.C_CreateObject(session.name, rawTemplate);
      return { handle, requested, loginEpoch: epoch };
    } catch (error) {
      if (!isCode(error, ...REFUSALS)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}
