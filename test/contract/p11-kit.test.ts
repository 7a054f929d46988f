import { p11kit } from './modules/p11-kit';
import { describeContract } from './suite';

describeContract(p11kit);
