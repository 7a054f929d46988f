import type { Client } from '../client';
import type { GroupMember } from './group-member';
import type { GroupSettings } from './group-options';

/** How an operation runs on a member of a group. @internal */
export interface GroupRunOptions {
  readonly signal?: AbortSignal | undefined;
  isRepeatable?(member: GroupMember): boolean;
  /** The members that can do it, well or not; default all. */
  candidates?(): readonly GroupMember[] | Promise<readonly GroupMember[]>;
  /** It has failed there, but not for a reason of the operation. */
  failed?(member: GroupMember, error: unknown): void;
  /** Why a member that is well cannot do it. */
  errorOf?(member: GroupMember): unknown;
}

/** The members of ClientGroup that its objects use. @internal */
export interface ObjectGroup {
  readonly members: readonly GroupMember[];
  readonly settings: GroupSettings;
  run<T>(
    options: GroupRunOptions,
    work: (client: Client, signal: AbortSignal | undefined, member: GroupMember) => Promise<T>,
  ): Promise<T>;
  refused(member: GroupMember, error: unknown): void;
}
