import { nss } from './modules/nss';
import { describeContract } from './suite';

describeContract(nss);
