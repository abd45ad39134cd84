package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
)

// guard runs a function of the application. It returns an error if that panics.
func (s *Server) guard(f func()) (err error) {
	defer s.recovered(&err)
	f()
	return nil
}

// recovered keeps a panic of the application from ending the process.
func (s *Server) recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("handler panicked: %v", cause)
		s.panics.Add(1)
		s.logs.write(&s.panicked, slog.LevelError, "handler panicked", "panic", clip(fmt.Sprint(cause)), "stack", string(debug.Stack()))
	}
}

// guardTLS returns a configuration like config, of whose functions a panic fails the handshake that
// they are called for. They run on goroutines of the HTTP server and of QUIC, where it would end
// the process.
//
// Each connection gets a copy of its own, made when it comes: Config.SetSessionTicketKeys has an
// effect as long as config is in use.
func (s *Server) guardTLS(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	guarded, some := s.guardFunctions(config)
	if !some {
		return config
	}
	choose := guarded.GetConfigForClient
	guarded.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen := config
		if choose != nil {
			other, err := choose(hello)
			switch {
			case err != nil:
				return nil, err
			case other != nil:
				chosen = other
			}
		}
		chosen, _ = s.guardFunctions(chosen)
		return chosen, nil
	}
	return guarded
}

// guardFunctions returns a copy of config whose functions are guarded, and whether it has any.
func (s *Server) guardFunctions(config *tls.Config) (guarded *tls.Config, some bool) {
	guarded = config.Clone()
	for _, field := range reflect.ValueOf(guarded).Elem().Fields() {
		if field.Kind() == reflect.Func && !field.IsNil() {
			field.Set(s.guardFunction(reflect.ValueOf(field.Interface())))
			some = true
		}
	}
	return guarded, some
}

// guardFunction returns a function like f that returns a panic as its error: zero values, if it
// returns none.
func (s *Server) guardFunction(f reflect.Value) reflect.Value {
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) (results []reflect.Value) {
		err := s.guard(func() { results = f.Call(args) })
		if err == nil {
			return results
		}
		for out := range f.Type().Outs() {
			result := reflect.Zero(out)
			if out == reflect.TypeFor[error]() {
				result = reflect.ValueOf(&err).Elem()
			}
			results = append(results, result)
		}
		return results
	})
}
