/**
 * `cryptoki/testing`: for tests of programs that use tokens. A module that wraps a real one, and injects faults or deviates from
 * PKCS#11 like other real modules; and temporary tokens of SoftHSM2.
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
