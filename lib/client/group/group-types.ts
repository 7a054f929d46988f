import type { Client } from '../client';
import type { GroupMember } from './group-member';
import type { GroupSettings } from './group-options';

/** Options of an operation on a member of a group. @internal */
export interface GroupRunOptions {
  readonly signal?: AbortSignal | undefined;
  isRepeatable?(member: GroupMember): boolean;
  /** Returns the members that have the key, including those that are not well; default: all members. */
  candidates?(): readonly GroupMember[] | Promise<readonly GroupMember[]>;
  /** Called when it has failed on a member for a reason of the member or the key. */
  failed?(member: GroupMember, error: unknown): void;
  /** Returns the reason why a member that is well cannot do it. */
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
