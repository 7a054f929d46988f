/**
 * `cryptoki/testing`: for the tests of programs that use tokens. A module that fails by plan, or deviates from PKCS#11 as
 * real modules do, over any real one, and throw-away tokens of SoftHSM2.
 */
export type { FaultCounters, RuleCounters, Violation } from './fault-counters';
export { FaultModule, type FaultModuleOptions } from './fault-module';
export {
  type FaultActions,
  type FaultConditions,
  type FaultRule,
  type FunctionName,
  ODDITIES,
  type Oddity,
  type OddityDescription,
  planText,
  type ReturnCode,
} from './fault-plan';
export { createSoftToken, SoftToken, type SoftTokenOptions } from './soft-token';
