import { opencryptoki } from './modules/opencryptoki';
import { describeContract } from './suite';

describeContract(opencryptoki);
