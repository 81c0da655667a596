package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"sort"
	"strings"
)

// mutant is one change.
type mutant struct {
	number int
	place  string // file:line: function
	change string
}

func (m mutant) String() string { return fmt.Sprintf("%d: %s: %s", m.number, m.place, m.change) }

// mutator puts switches into a file. It adds text and takes none away, so that
// places stay what they are.
type mutator struct {
	file     string
	source   []byte
	next     int
	skip     []string
	mutants  []mutant
	function string

	set   *token.FileSet
	added []addition
	inits map[ast.Stmt]bool // statements that stand in the head of another
}

// addition is text that goes before a byte of the source. Of what goes to the
// same place, order decides.
type addition struct {
	at, order int
	text      string
}

func (m *mutator) rewrite() ([]byte, error) {
	m.set = token.NewFileSet()
	file, err := parser.ParseFile(m.set, m.file, m.source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	m.inits = map[ast.Stmt]bool{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		if m.function = nameOf(f); !slices.Contains(m.skip, m.function) {
			ast.Inspect(f.Body, m.visit)
		}
	}
	sort.SliceStable(m.added, func(i, j int) bool {
		a, b := m.added[i], m.added[j]
		return a.at < b.at || a.at == b.at && a.order < b.order
	})
	var out []byte
	at := 0
	for _, a := range m.added {
		out = append(append(out, m.source[at:a.at]...), a.text...)
		at = a.at
	}
	return append(out, m.source[at:]...), nil
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	return t.(*ast.Ident).Name + "." + f.Name.Name
}

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.inits[n.Init] = true
		m.condition(n.Cond)
	case *ast.SwitchStmt:
		m.inits[n.Init] = true
		if n.Tag != nil {
			break
		}
		for _, c := range n.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				m.condition(e)
			}
		}
	case *ast.BinaryExpr:
		m.binary(n)
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			if m.isBool(e) {
				m.invert(e)
			}
		}
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok {
			m.statement(n, call)
		}
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN && !m.inits[n] {
			m.leaveOut(n)
		}
	}
	return true
}

// condition: the check never fires, and it fires where it should not.
func (m *mutator) condition(e ast.Expr) {
	m.wrap(e, "(", ") && !"+m.new(e, "%s never holds", m.text(e)))
	if m.text(e) != "err != nil" { // with which nothing would work
		m.invert(e)
	}
}

func (m *mutator) invert(e ast.Expr) {
	m.wrap(e, "((", ") != "+m.new(e, "%s the other way round", m.text(e))+")")
}

// binary: one side of && and || does not matter; a bound is off by one.
func (m *mutator) binary(e *ast.BinaryExpr) {
	switch e.Op {
	case token.LAND:
		for _, side := range []ast.Expr{e.X, e.Y} {
			m.wrap(side, "(", " || "+m.new(side, "%s always holds", m.text(side))+")")
		}
	case token.LOR:
		for _, side := range []ast.Expr{e.X, e.Y} {
			m.wrap(side, "((", ") && !"+m.new(side, "%s never holds", m.text(side))+")")
		}
	case token.LSS, token.GTR:
		m.wrap(e, "(", " || "+m.new(e, "%s also when equal", m.text(e))+" && "+m.text(e.X)+" == "+m.text(e.Y)+")")
	case token.LEQ, token.GEQ:
		m.wrap(e, "(", " && !("+m.new(e, "%s, but not when equal", m.text(e))+" && "+m.text(e.X)+" == "+m.text(e.Y)+"))")
	}
}

// statement: a call whose result nobody takes is left out. Of several keys that
// a map must have, each is left out.
func (m *mutator) statement(n *ast.ExprStmt, call *ast.CallExpr) {
	m.leaveOut(n)
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Require" || len(call.Args) == 1 {
		return
	}
	for i := range call.Args {
		var rest []string
		for j, a := range call.Args {
			if j != i {
				rest = append(rest, m.text(a))
			}
		}
		changed := m.text(f) + "(" + strings.Join(rest, ", ") + ")"
		m.wrap(n, "if "+m.new(n, "%s", changed)+" { "+changed+" } else { ", " }")
	}
}

func (m *mutator) leaveOut(n ast.Stmt) {
	m.wrap(n, "if !"+m.new(n, "without %s", m.text(n))+" { ", " }")
}

// isBool says whether an expression is a bool for sure.
func (m *mutator) isBool(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "true" || e.Name == "false"
	case *ast.BinaryExpr:
		return e.Op.Precedence() <= token.EQL.Precedence()
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	}
	return false
}

// new numbers a mutant and returns the switch that turns it on.
func (m *mutator) new(n ast.Node, format string, args ...any) string {
	at := m.set.Position(n.Pos())
	m.mutants = append(m.mutants, mutant{m.next, fmt.Sprintf("%s:%d: %s", m.file, at.Line, m.function), fmt.Sprintf(format, args...)})
	m.next++
	return fmt.Sprintf("mutant(%d)", m.next-1)
}

// wrap puts text around a node, within what has been put around it already.
func (m *mutator) wrap(n ast.Node, before, after string) {
	order := len(m.added) + 1
	from, to := m.set.Position(n.Pos()).Offset, m.set.Position(n.End()).Offset
	m.added = append(m.added, addition{from, order, before}, addition{to, -order, after})
}

func (m *mutator) text(n ast.Node) string {
	from, to := m.set.Position(n.Pos()).Offset, m.set.Position(n.End()).Offset
	return strings.Join(strings.Fields(string(m.source[from:to])), " ")
}
