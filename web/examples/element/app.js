import 'nearside/element';
