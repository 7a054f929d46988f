import { nssCrypto } from './modules/nss';
import { describeContract } from './suite';

describeContract(nssCrypto);
