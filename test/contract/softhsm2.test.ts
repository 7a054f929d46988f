import { softhsm2 } from './modules/softhsm2';
import { describeContract } from './suite';

describeContract(softhsm2);
