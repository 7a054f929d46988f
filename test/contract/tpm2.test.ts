import { tpm2 } from './modules/tpm2';
import { describeContract } from './suite';

describeContract(tpm2);
