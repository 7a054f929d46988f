import { p11kitTrust } from './modules/p11-kit-trust';
import { describeContract } from './suite';

describeContract(p11kitTrust);
