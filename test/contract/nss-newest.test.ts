import { nssNewest } from './modules/nss-newest';
import { describeContract } from './suite';

describeContract(nssNewest);
