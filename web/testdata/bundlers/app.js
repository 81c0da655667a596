import { open } from 'nearside';

const nearside = await open({ bundle: 'bundle.nsb', root: 'root.nsr' });
const list = document.querySelector('#for-you');

async function show() {
  const { items } = await nearside.recommend({ k: 10 });
  list.replaceChildren(...items.map(({ id, title }) => {
    const button = Object.assign(document.createElement('button'), { textContent: title });
    button.onclick = () => { nearside.observe({ item: id }); show(); };
    return document.createElement('li').appendChild(button).parentElement;
  }));
}
show();
