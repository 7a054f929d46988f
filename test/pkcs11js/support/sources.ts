import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/**
 * Puts published JavaScript and its published declarations together again, as TypeScript: the code of the one with the
 * types of the other. So a package whose sources are not published is compiled against the types of another pkcs11js.
 */

type Edit = readonly [start: number, end: number, text: string];
type Declared = ts.SignatureDeclaration;

const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);

const nameOf = (node: ts.Node & { name?: ts.Node | undefined }): string =>
  ts.isConstructorDeclaration(node) ? 'constructor' : (node.name?.getText() ?? '');

function textOf(types: readonly (ts.TypeNode | undefined)[]): string {
  const isOne = types.length === 1;
  const texts = new Set<string>();
  for (const type of types) {
    if (type !== undefined) texts.add(isOne || !ts.isTypePredicateNode(type) ? type.getText() : 'boolean');
  }
  return texts.size > 1 ? [...texts].map((text) => `(${text})`).join(' | ') : ([...texts][0] ?? 'unknown');
}

/** `name: type`, of what all overloads say of the parameter at this place. */
function parameterOf(
  parameter: ts.ParameterDeclaration,
  index: number,
  overloads: readonly Declared[],
): string {
  const declared = overloads.map((one) => one.parameters[index]);
  const name = `${parameter.dotDotDotToken === undefined ? '' : '...'}${parameter.name.getText()}`;
  const type = textOf(declared.map((one) => one?.type));
  if (parameter.initializer !== undefined) return `${name}: ${type} = ${parameter.initializer.getText()}`;
  const isOptional = declared.some((one) => one === undefined || one.questionToken !== undefined);
  return `${name}${isOptional && parameter.dotDotDotToken === undefined ? '?' : ''}: ${type}`;
}

/** Gives a function its parameters and result as declared, and its overloads. */
function annotate(node: ts.FunctionLikeDeclaration, overloads: readonly Declared[]): Edit[] {
  const [first] = overloads;
  if (first === undefined || node.body === undefined) return [];
  const edits: Edit[] = [];
  if (overloads.length > 1) {
    const heads = overloads.map((one) => `${one.getText().replace(/^export declare /, 'export ')}\n`);
    edits.push([node.getStart(), node.getStart(), heads.join('')]);
  }
  const open = node.getChildren().findIndex((child) => child.kind === ts.SyntaxKind.OpenParenToken);
  const [from, , to] = node.getChildren().slice(open, open + 3) as [ts.Node, ts.Node, ts.Node];
  const generics = new Set(
    overloads.flatMap((one) => one.typeParameters?.map((type) => type.getText()) ?? []),
  );
  const types = generics.size > 0 ? `<${[...generics].join(', ')}>` : '';
  const parameters = node.parameters.map((one, index) => parameterOf(one, index, overloads));
  const hasResult = !ts.isConstructorDeclaration(node) && !ts.isSetAccessor(node);
  const result = hasResult ? `: ${textOf(overloads.map((one) => one.type))}` : '';
  edits.push([from.getStart(), to.getEnd(), `${types}(${parameters.join(', ')})${result}`]);
  return edits;
}

function mergeClass(node: ts.ClassDeclaration, declared: ts.ClassDeclaration): Edit[] {
  const edits: Edit[] = [];
  const code = new Set(node.members.map(nameOf));
  const fields = declared.members.filter(
    (member) => ts.isPropertyDeclaration(member) && !code.has(nameOf(member)),
  );
  const { text } = node.getSourceFile();
  const open = text.indexOf('{', (node.heritageClauses?.at(-1) ?? node.name ?? node).getEnd()) + 1;
  edits.push([open, open, `\n${fields.map((member) => member.getText()).join('\n')}\n`]);
  const head = declared.getText();
  const generics = declared.typeParameters?.map((one) => one.getText()).join(', ');
  if (generics !== undefined && node.name)
    edits.push([node.name.getEnd(), node.name.getEnd(), `<${generics}>`]);
  const heritage = declared.heritageClauses?.map((one) => one.getText()).join(' ');
  const own = node.heritageClauses?.[0];
  if (heritage !== undefined && own !== undefined) edits.push([own.getStart(), own.getEnd(), heritage]);
  if (head.startsWith('export declare abstract')) {
    const at = text.indexOf('class', node.getStart());
    edits.push([at, at, 'abstract ']);
  }
  for (const member of node.members) {
    if (!ts.isMethodDeclaration(member) && !ts.isConstructorDeclaration(member) && !ts.isAccessor(member))
      continue;
    const same = declared.members.filter(
      (one) => nameOf(one) === nameOf(member) && (one.kind === member.kind || !ts.isAccessor(member)),
    );
    edits.push(...annotate(member, same as unknown as Declared[]));
  }
  return edits;
}

/** `var X; (function (X) { X[X["A"] = value] = "A" })(X || (X = {}))` as an enum again. */
function enumOf(name: string, text: string): string {
  const members = [...text.matchAll(/\[\w+\["(\w+)"\] = (.*?)\] = "/g)].map(
    ([, key, value]) => `${key} = ${value}`,
  );
  return `export enum ${name} {\n${members.join(',\n')}\n}\n`;
}

function bindings(node: ts.ImportDeclaration): string[] {
  const clause = node.importClause;
  const named = clause?.namedBindings;
  if (named === undefined) return clause?.name ? [clause.name.text] : [];
  return ts.isNamespaceImport(named) ? [named.name.text] : named.elements.map((one) => one.name.text);
}

function merge(code: ts.SourceFile, types: ts.SourceFile): string {
  const edits: Edit[] = [];
  const known = new Set(code.statements.filter(ts.isImportDeclaration).flatMap(bindings));
  const declared = new Map<string, ts.Statement[]>();
  for (const one of types.statements) {
    const name = nameOf(one as ts.Statement & { name?: ts.Node });
    declared.set(name, [...(declared.get(name) ?? []), one]);
  }
  const more: string[] = [];
  for (const one of types.statements.filter(ts.isImportDeclaration)) {
    const missing = bindings(one).filter((name) => !known.has(name));
    if (missing.length === 0) continue;
    const isNamespace =
      one.importClause?.namedBindings && ts.isNamespaceImport(one.importClause.namedBindings);
    const list = isNamespace ? `* as ${missing[0]}` : `{ ${missing.join(', ')} }`;
    more.push(`import ${list} from ${one.moduleSpecifier.getText()};`);
  }
  const enums = new Set<string>();
  for (const [name, nodes] of declared) {
    const [node] = nodes;
    if (node === undefined) continue;
    if (ts.isEnumDeclaration(node)) enums.add(name);
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      more.push(...nodes.map((one) => one.getText().replace(/^export declare /, 'export ')));
    }
  }
  for (const node of code.statements) {
    const name = nameOf(node as ts.Statement & { name?: ts.Node });
    const same = declared.get(name) ?? [];
    if (ts.isClassDeclaration(node) && same[0] && ts.isClassDeclaration(same[0])) {
      edits.push(...mergeClass(node, same[0]));
    } else if (ts.isFunctionDeclaration(node)) {
      edits.push(...annotate(node, same.filter(ts.isFunctionDeclaration)));
    } else if (ts.isVariableStatement(node)) {
      const [variable] = node.declarationList.declarations;
      if (variable && enums.has(variable.name.getText())) edits.push([node.getStart(), node.getEnd(), '']);
    } else if (ts.isExpressionStatement(node)) {
      const its = /^\(function \((\w+)\) \{/.exec(node.getText());
      if (its?.[1] !== undefined && enums.has(its[1])) {
        edits.push([node.getStart(), node.getEnd(), enumOf(its[1], node.getText())]);
      }
    }
  }
  let { text } = code;
  for (const [start, end, put] of edits.sort(([a], [b]) => b - a))
    text = text.slice(0, start) + put + text.slice(end);
  return `${more.join('\n')}\n${text}`;
}

/**
 * Writes the TypeScript of a package.
 * @param code folder of its ES modules
 * @param types folder of its declarations
 * @param into folder to write to
 * @returns the files that were written
 */
export function writeSources(code: string, types: string, into: string): string[] {
  return readdirSync(types, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => {
      const stem = name.slice(0, -'.d.ts'.length);
      const file = join(into, `${stem}.ts`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, merge(parse(join(code, `${stem}.js`)), parse(join(types, name))));
      return file;
    });
}
