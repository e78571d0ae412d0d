package onnx

import (
	"fmt"

	"github.com/secateur/secateur/core/onnx/wire"
)

// maker says what makes a tensor: a node, or nil for an input or an initializer.
type maker map[string]*wire.Node

// sortNodes checks names and edges and returns the nodes that the outputs need, in an order in
// which each finds its inputs made. It is the order of the file where that is such an order.
func (im *importer) sortNodes() ([]*wire.Node, error) {
	made, err := im.makers()
	if err != nil {
		return nil, err
	}
	live, err := im.live(made)
	if err != nil {
		return nil, err
	}
	s := sorter{made: made, state: map[*wire.Node]int{}}
	for _, n := range im.m.Nodes {
		if !live[n] {
			continue
		}
		if err := s.visit(n); err != nil {
			return nil, err
		}
	}
	return s.sorted, nil
}

// makers collects who makes which tensor; each must have one maker. An initializer may stand
// among the inputs too, as up to IR version 3 it had to.
func (im *importer) makers() (maker, error) {
	made := maker{}
	im.inits = make(map[string]*wire.Tensor, len(im.m.Initializers))
	im.taken = map[string]bool{}
	add := func(name string, n *wire.Node, what string) error {
		if im.taken[name] {
			return fmt.Errorf("tensor %q is made twice, the second time by %s", name, what)
		}
		made[name], im.taken[name] = n, true
		return nil
	}
	for _, t := range im.m.Initializers {
		if err := add(t.Name, nil, "an initializer"); err != nil {
			return nil, err
		}
		im.inits[t.Name] = t
	}
	for _, in := range im.m.Inputs {
		if im.inits[in.Name] != nil {
			continue
		}
		if err := add(in.Name, nil, "an input"); err != nil {
			return nil, err
		}
	}
	for _, n := range im.m.Nodes {
		for _, out := range n.Outputs {
			if out == "" {
				continue
			}
			if err := add(out, n, "node "+title(n)); err != nil {
				return nil, err
			}
		}
	}
	return made, nil
}

// live marks the nodes that the outputs need.
func (im *importer) live(made maker) (map[*wire.Node]bool, error) {
	live := map[*wire.Node]bool{}
	var todo []*wire.Node
	need := func(name, who string) error {
		n, ok := made[name]
		if !ok {
			return fmt.Errorf("%s needs tensor %q, which nothing makes", who, name)
		}
		if n != nil && !live[n] {
			live[n] = true
			todo = append(todo, n)
		}
		return nil
	}
	seen := map[string]bool{}
	for _, o := range im.m.Outputs {
		if seen[o.Name] {
			return nil, fmt.Errorf("output %q is listed twice", o.Name)
		}
		seen[o.Name] = true
		if err := need(o.Name, "an output"); err != nil {
			return nil, err
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, in := range n.Inputs {
			if in == "" {
				continue
			}
			if err := need(in, "node "+title(n)); err != nil {
				return nil, err
			}
		}
	}
	return live, nil
}

// sorter is a depth-first topological sort with a stack of its own: a hostile file may nest as
// deep as it has nodes.
type sorter struct {
	made   maker
	state  map[*wire.Node]int // how many inputs are looked at, plus one; done when negative
	sorted []*wire.Node
}

const done = -1

func (s *sorter) visit(n *wire.Node) error {
	if s.state[n] == done {
		return nil
	}
	stack := []*wire.Node{n}
	s.state[n] = 1
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		i := s.state[n] - 1
		if i == len(n.Inputs) {
			s.state[n] = done
			s.sorted = append(s.sorted, n)
			stack = stack[:len(stack)-1]
			continue
		}
		s.state[n]++
		dep := s.made[n.Inputs[i]]
		switch {
		case dep == nil || s.state[dep] == done:
		case s.state[dep] > 0:
			return fmt.Errorf("cycle: node %s needs %q, which needs that node", title(n), n.Inputs[i])
		default:
			s.state[dep] = 1
			stack = append(stack, dep)
		}
	}
	return nil
}
